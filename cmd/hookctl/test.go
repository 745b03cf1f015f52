package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks/githubtest"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
	"hookctl/server"
	"hookctl/server/host"
)

func newTest(p *program) *cobra.Command {
	var event, sample string
	var dryRun bool
	cmd := p.printing(&cobra.Command{
		Use:   "test [FILE]",
		Short: "Send a signed sample payload through the receiver",
		Long: "Sign a sample payload and send it through the running receiver, which records it with source test. The notification\n" +
			"says that it is a test. The payload is a built-in sample or FILE, which may be - for stdin; without either, the\n" +
			"samples are listed. The event of a file is --event, else the payload's _event_type (which is removed), else\n" +
			"workflow_run.",
		Example: "  hookctl test                                    # list the samples\n  hookctl test --sample workflow_run.failure\n" +
			"  hookctl test --sample push.main --dry-run\n  hookctl test push.json --event push",
		Args: cobra.MaximumNArgs(1),
	}, func(ctx context.Context, c call) error {
		switch {
		case sample != "" && len(c.args) > 0:
			return usage(errors.New("give FILE or --sample, not both"))
		case sample == "" && len(c.args) == 0:
			return p.listSamples(c.out)
		case sample != "":
			payload, err := builtInSample(sample)
			if err != nil {
				return err
			}
			return p.test(ctx, c, sample, githubtest.SampleEvent(sample), payload, dryRun)
		}
		payload, err := p.readFile(c.args[0], mostRead)
		if err != nil {
			return hint(fmt.Errorf("read the sample: %w", err), "send a built-in sample: hookctl test --sample push.main")
		}
		return p.test(ctx, c, c.args[0], event, payload, dryRun)
	})
	cmd.Flags().StringVarP(&event, "event", "e", "", "`event` of the payload in FILE")
	cmd.Flags().StringVar(&sample, "sample", "", "send the built-in sample of this `name`")
	cmd.MarkFlagsMutuallyExclusive("event", "sample")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show the notification, and why each rule matched or not")
	return cmd
}

// listSamples shows the built-in samples.
func (p *program) listSamples(out *output) error {
	samples := githubtest.SampleIndex()
	err := printList(p, out, samples, samples, "", []string{"SAMPLE", "NOTIFICATION", "WHAT HAPPENED"}, func(s githubtest.SampleInfo) []string {
		return []string{s.Name, cmp.Or(s.Notification, "-"), s.About}
	})
	if err == nil && !out.wanted() {
		p.note("hint: send one: hookctl test --sample workflow_run.failure")
	}
	return err
}

func builtInSample(name string) ([]byte, error) {
	cure := "list them: hookctl test"
	var near []string
	for _, s := range githubtest.SampleIndex() {
		if s.Name == name {
			return githubtest.Sample(name), nil
		}
		if strings.HasPrefix(s.Name, name) {
			near = append(near, s.Name)
		}
	}
	if len(near) > 0 {
		cure = "did you mean: " + strings.Join(near, ", ")
	}
	return nil, hint(usage(fmt.Errorf("no sample has the name %q", name)), cure)
}

// test sends a payload through the receiver; name is what errors call it.
func (p *program) test(ctx context.Context, c call, name, event string, payload []byte, dryRun bool) error {
	sample, err := host.NewSample(event, payload)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if dryRun {
		return p.explain(c.settings, sample, c.out)
	}
	answer, err := p.sendSigned(ctx, c.settings, sample)
	if err != nil {
		return err
	}
	if c.out.wanted() {
		return c.out.print(p.out, answer)
	}
	fmt.Fprintln(p.out, answer.File)
	return nil
}

// sendSample sends a built-in sample through the receiver.
func (p *program) sendSample(ctx context.Context, name string) error {
	s, err := p.load()
	if err != nil {
		return err
	}
	sample, err := host.NewSample(githubtest.SampleEvent(name), githubtest.Sample(name))
	if err == nil {
		_, err = p.sendSigned(ctx, s, sample)
	}
	return err
}

// sendSigned signs a sample and hands it to the receiver.
func (p *program) sendSigned(ctx context.Context, s *settings.Settings, sample host.Sample) (host.Ingested, error) {
	key, _, err := s.Store().Current()
	if err != nil {
		return host.Ingested{}, err
	}
	if key == "" {
		return host.Ingested{}, hint(errors.New("cannot sign the sample: no secret is set"), "generate one: hookctl secret generate")
	}
	sample.Signature = secret.Sign(key, sample.Payload)
	return host.Dial(s.Home).Test(ctx, sample)
}

func explained(s *settings.Settings, sample host.Sample) (server.Explanation, error) {
	config, err := s.Server()
	if err != nil {
		return server.Explanation{}, err
	}
	return server.Explain(config, "", sample.Event, sample.Payload)
}

// explain shows what a payload would cause, and why.
func (p *program) explain(s *settings.Settings, sample host.Sample, out *output) error {
	x, err := explained(s, sample)
	if err != nil {
		return err
	}
	if out.wanted() {
		return out.print(p.out, x)
	}
	fmt.Fprintln(p.out, text.Clean(x.Decision.Result))
	for _, n := range x.Sends {
		fmt.Fprintf(p.out, "\n%s (%s) to %s by %s\n  subject: %s\n  message: %s\n", n.Type, n.Priority, cmp.Or(text.Clean(n.To), "-"), n.Sink, text.Clean(n.Subject), text.Clean(n.Message))
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
