package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server"
	"hookctl/server/host"
)

func newTest(p *program) *cobra.Command {
	var out output
	var event string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "test FILE",
		Short: "Sign a sample payload and send it through the running receiver",
		Long: "Sign a sample payload and send it through the running receiver; it is recorded with source test.\n" +
			"The event is --event, else the payload's _event_type (which is taken out), else workflow_run. FILE may be -.",
		Example: "  hookctl test push.json --event push\n  hookctl test failure.json --dry-run",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.test(cmd.Context(), args[0], event, dryRun, &out)
		},
	}
	cmd.Flags().StringVar(&event, "event", "", "`name` of the event")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show the notification, and why each rule did or did not match")
	addOutputFlags(cmd, &out)
	return cmd
}

func (p *program) test(ctx context.Context, file, event string, dryRun bool, out *output) error {
	s, err := settings.Load(p.environ)
	if err != nil {
		return err
	}
	payload, err := p.readSample(file)
	if err != nil {
		return err
	}
	event, payload, err = eventOfSample(event, payload)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if dryRun {
		return p.explain(s, event, payload, out)
	}
	key, _, err := s.Store().Current()
	if err != nil {
		return err
	}
	if key == "" {
		return hint(errors.New("there is no webhook secret to sign with"), "make one with: hookctl secret generate")
	}
	answer, err := host.Dial(s.Home).Test(ctx, host.Sample{
		Event: event, DeliveryID: uuid.NewString(), Signature: secret.Sign(key, payload), Payload: payload,
	})
	if err != nil {
		return err
	}
	if out.wanted() {
		return out.print(p.out, answer)
	}
	fmt.Fprintln(p.out, answer.File)
	return nil
}

func (p *program) readSample(file string) ([]byte, error) {
	if file == "-" {
		payload, err := io.ReadAll(p.in)
		if err != nil {
			return nil, fmt.Errorf("read the sample from stdin: %w", err)
		}
		return payload, nil
	}
	payload, err := os.ReadFile(file) //nolint:gosec // The user names the file.
	if err != nil {
		return nil, fmt.Errorf("read the sample: %w", err)
	}
	return payload, nil
}

// eventOfSample finds the event's name. A payload that carries _event_type loses that key, as in the handler that
// this replaces; any other payload stays byte for byte.
func eventOfSample(event string, payload []byte) (string, []byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(payload, &fields); err != nil || fields == nil {
		return "", nil, fmt.Errorf("%w: a payload is one JSON object", server.ErrNotObject)
	}
	if raw, ok := fields["_event_type"]; ok {
		var name string
		if err := json.Unmarshal(raw, &name); err != nil {
			return "", nil, errors.New("_event_type is no string")
		}
		event = orElse(event, name)
		delete(fields, "_event_type")
		var err error
		if payload, err = json.Marshal(fields); err != nil {
			return "", nil, err
		}
	}
	return orElse(event, "workflow_run"), payload, nil
}

// explain shows what a payload would cause, and why.
func (p *program) explain(s *settings.Settings, event string, payload []byte, out *output) error {
	config, err := s.Server()
	if err != nil {
		return err
	}
	x, err := server.Explain(config, "", event, payload)
	if err != nil {
		return err
	}
	if out.wanted() {
		return out.print(p.out, x)
	}
	fmt.Fprintln(p.out, text.Clean(x.Decision.Result))
	for _, n := range x.Sends {
		fmt.Fprintf(p.out, "\n%s (%s) to %s by %s\n  subject: %s\n  message: %s\n", n.Type, n.Priority, orElse(text.Clean(n.To), "-"), n.Sink, text.Clean(n.Subject), text.Clean(n.Message))
	}
	fmt.Fprintln(p.out, "\nrules:")
	for _, t := range x.Decision.Trace {
		mark := "-"
		if t.Matched {
			mark = "+"
		}
		fmt.Fprintf(p.out, "  %s %s: %s\n", mark, text.Clean(t.Rule), text.Clean(t.Reason))
	}
	return nil
}
