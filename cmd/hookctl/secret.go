package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
)

func newSecret(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secret",
		Short: "Make, show or import the secret by itself",
		Long: "Make, show or import the secret by itself. To change a secret that hooks at GitHub already sign with,\n" +
			"use hookctl rotate: it changes both sides and loses nothing.",
	}
	cmd.AddCommand(newSecretGenerate(p), newSecretShow(p), newSecretImport(p))
	return cmd
}

// secretReport is what the commands of `secret` print as JSON.
type secretReport struct {
	Fingerprint string     `json:"fingerprint"`
	Origin      string     `json:"origin"`
	ChangedAt   *time.Time `json:"changed_at"`
	Secret      string     `json:"secret,omitempty"` // with --reveal only
}

func newSecretGenerate(p *program) *cobra.Command {
	var out output
	var force bool
	cmd := &cobra.Command{
		Use:     "generate",
		Short:   "Make a new secret and keep it in .env",
		Example: "  hookctl secret generate",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.Load(p.environ)
			if err != nil {
				return err
			}
			value, err := secret.Generate()
			if err != nil {
				return err
			}
			return p.keepSecret(cmd.Context(), s, value, force, &out)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the secret that is there; hooks that sign with it are refused from then on")
	addOutputFlags(cmd, &out)
	return cmd
}

func newSecretImport(p *program) *cobra.Command {
	var out output
	var force bool
	cmd := &cobra.Command{
		Use:     "import",
		Short:   "Keep the secret that is given on stdin",
		Long:    "Keep the secret that is given on stdin: one line. It is never taken from the command line, which every user can read.",
		Example: "  pass show webhook | hookctl secret import",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.Load(p.environ)
			if err != nil {
				return err
			}
			value, err := p.readSecret(cmd.Context())
			if err != nil {
				return err
			}
			if value == "" {
				return usage(errors.New("no secret on stdin"))
			}
			return p.keepSecret(cmd.Context(), s, value, force, &out)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the secret that is there")
	addOutputFlags(cmd, &out)
	return cmd
}

// readSecret reads one line from stdin. Where a person types it, it is not shown.
func (p *program) readSecret(ctx context.Context) (string, error) {
	if !isTerminal(p.stdin) {
		line, err := bufio.NewReader(p.in).ReadString('\n')
		return strings.TrimRight(line, "\r\n"), ignoreEOF(err)
	}
	// The echo is off before the prompt is there. In this mode an interruption is a key, which ends the reading.
	fd := int(p.stdin.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	type typed struct {
		line string
		err  error
	}
	got := make(chan typed, 1)
	go func() {
		console := term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{p.stdin, p.err}, "")
		line, err := console.ReadPassword("secret (it is not shown): ")
		got <- typed{line, err}
	}()
	var t typed
	select {
	case <-ctx.Done(): // the blocked read is left to the end of the process
		t.err = errCancelled
	case t = <-got:
		if errors.Is(t.err, io.EOF) {
			t.err = errCancelled
		}
	}
	return t.line, errors.Join(t.err, term.Restore(fd, before))
}

// keepSecret saves a secret, and makes a running receiver use it.
func (p *program) keepSecret(ctx context.Context, s *settings.Settings, value string, force bool, out *output) error {
	store := s.Store()
	current, _, err := store.Current()
	if err != nil {
		return err
	}
	if current != "" && current != value && !force {
		return hint(fmt.Errorf("there is a secret already (%s)", secret.Fingerprint(current)),
			"hookctl rotate replaces it here and at GitHub; --force replaces it here alone")
	}
	if err := store.SetCurrent(value); err != nil {
		return err
	}
	if err := p.reloadReceiver(ctx, s.Home); err != nil {
		return err
	}
	return p.printSecret(store, false, out)
}

func newSecretShow(p *program) *cobra.Command {
	var out output
	var reveal bool
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show the secret's fingerprint, or with --reveal the secret",
		Example: "  hookctl secret show\n  hookctl secret show --reveal",
		RunE: func(*cobra.Command, []string) error {
			s, err := settings.Load(p.environ)
			if err != nil {
				return err
			}
			return p.printSecret(s.Store(), reveal, &out)
		},
	}
	cmd.Flags().BoolVar(&reveal, "reveal", false, "print the secret itself")
	addOutputFlags(cmd, &out)
	return cmd
}

func (p *program) printSecret(store *secret.Store, reveal bool, out *output) error {
	value, origin, err := store.Current()
	if err != nil {
		return err
	}
	if value == "" {
		return hint(errors.New("there is no secret"), "make one with: hookctl secret generate")
	}
	report := secretReport{Fingerprint: secret.Fingerprint(value), Origin: string(origin)}
	changed, err := store.ChangedAt()
	if err != nil {
		return err
	}
	if !changed.IsZero() {
		report.ChangedAt = &changed
	}
	if reveal {
		report.Secret = value
	}
	switch {
	case out.wanted():
		return out.print(p.out, report)
	case reveal:
		fmt.Fprintln(p.out, value)
	default:
		age := ""
		if report.ChangedAt != nil {
			age = ", " + text.Span(time.Since(changed)) + " old"
		}
		fmt.Fprintf(p.out, "%s (from %s%s)\n", report.Fingerprint, origin, age)
	}
	return nil
}
