package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

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
		Short: "Send a signed sample payload through the receiver",
		Long: "Sign a sample payload and send it through the running receiver, which records it with source test. The event is\n" +
			"--event, else the payload's _event_type (which is removed), else workflow_run. FILE may be - for stdin.",
		Example: "  hookctl test push.json --event push\n  hookctl test failure.json --dry-run",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.test(cmd.Context(), args[0], event, dryRun, &out)
		},
	}
	cmd.Flags().StringVarP(&event, "event", "e", "", "`event` of the payload")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show the notification, and why each rule matched or not")
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
	sample, err := host.NewSample(event, payload)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if dryRun {
		return p.explain(s, sample, out)
	}
	key, _, err := s.Store().Current()
	if err != nil {
		return err
	}
	if key == "" {
		return hint(errors.New("cannot sign the sample: no secret is set"), "generate one: hookctl secret generate")
	}
	sample.Signature = secret.Sign(key, sample.Payload)
	answer, err := host.Dial(s.Home).Test(ctx, sample)
	if err != nil {
		return err
	}
	if out.wanted() {
		return out.print(p.out, answer)
	}
	fmt.Fprintln(p.out, answer.File)
	return nil
}

func (p *program) readSample(file string) (payload []byte, err error) {
	if file == "-" {
		payload, err = io.ReadAll(p.in)
	} else {
		payload, err = os.ReadFile(file) //nolint:gosec // The user names the file.
	}
	if err != nil {
		return nil, fmt.Errorf("read the sample: %w", err)
	}
	return payload, nil
}

// explain shows what a payload would cause, and why.
func (p *program) explain(s *settings.Settings, sample host.Sample, out *output) error {
	config, err := s.Server()
	if err != nil {
		return err
	}
	x, err := server.Explain(config, "", sample.Event, sample.Payload)
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
