package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
		Short: "Generate, show or import the webhook secret",
		Long: "Generate, show or import the webhook secret on this machine. To change a secret that hooks already sign with, use\n" +
			"hookctl rotate: it changes the secret here and at GitHub without losing a delivery.",
		Example: "  hookctl secret show\n  pass show webhook | hookctl secret import",
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
	return p.storingSecret(&cobra.Command{
		Use:     "generate",
		Short:   "Generate a new secret and store it in .env",
		Example: "  hookctl secret generate",
	}, "replace the current secret; hooks that sign with it are refused from then on", func(context.Context) (string, error) {
		return secret.Generate()
	})
}

func newSecretImport(p *program) *cobra.Command {
	return p.storingSecret(&cobra.Command{
		Use:   "import",
		Short: "Store the secret that is given on stdin",
		Long: "Store the secret that is given on stdin, as one line; GITHUB_WEBHOOK_SECRET=… of a .env file is understood too. It\n" +
			"is never taken from the command line, which other users can read. Placeholders from documentation are refused.",
		Example: "  pass show webhook | hookctl secret import",
	}, "replace the current secret", func(ctx context.Context) (string, error) {
		given, err := p.readSecret(ctx)
		if err != nil {
			return "", err
		}
		value, err := secret.One(given)
		if err != nil {
			return "", hint(usage(err), "generate one: hookctl secret generate; or give one secret on one line")
		}
		return value, nil
	})
}

// storingSecret makes cmd store the secret that value returns.
func (p *program) storingSecret(cmd *cobra.Command, forced string, value func(context.Context) (string, error)) *cobra.Command {
	var force bool
	cmd.Flags().BoolVar(&force, "force", false, forced)
	return p.printing(cmd, func(ctx context.Context, c call) error {
		key, err := value(ctx)
		if err != nil {
			return err
		}
		return p.storeSecret(ctx, c.settings, key, force, c.out)
	})
}

// readSecret reads what is given on stdin. Where a person types it, that is one line, and not shown.
func (p *program) readSecret(ctx context.Context) (string, error) {
	if !isTerminal(p.stdin) {
		given, err := io.ReadAll(io.LimitReader(p.in, 64<<10))
		if err != nil {
			return "", fmt.Errorf("read the secret: %w", err)
		}
		return string(given), nil
	}
	return p.readHidden(ctx, "secret")
}

// readHidden reads one line that a person types at a terminal, and that is not shown.
func (p *program) readHidden(ctx context.Context, what string) (string, error) {
	// The echo is off before the prompt is there. In this mode an interruption is a key, which ends the reading.
	fd := int(p.stdin.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("read what is typed: %w", err)
	}
	line, err := typed(ctx, func() (string, error) {
		console := term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{p.stdin, p.err}, "")
		return console.ReadPassword(what + " (input is hidden): ")
	})
	return line, errors.Join(err, term.Restore(fd, before))
}

// storeSecret saves a secret, and makes a running receiver use it.
func (p *program) storeSecret(ctx context.Context, s *settings.Settings, value string, force bool, out *output) error {
	store := s.Store()
	current, _, err := store.Current()
	if err != nil {
		return err
	}
	if current != "" && current != value && !force {
		return hint(fmt.Errorf("a secret exists already (%s)", secret.Fingerprint(current)),
			"replace it here and at GitHub: hookctl rotate --all; --force replaces it only here")
	}
	if err := store.SetCurrent(value); err != nil {
		return err
	}
	if err := p.reloadReceiver(ctx, s.Home); err != nil {
		return err
	}
	if !out.wanted() {
		p.note("stored the secret in %s", s.EnvFile())
	}
	return p.printSecret(store, false, out)
}

func newSecretShow(p *program) *cobra.Command {
	var reveal bool
	cmd := p.printing(&cobra.Command{
		Use:     "show",
		Short:   "Show the fingerprint of the secret",
		Example: "  hookctl secret show\n  hookctl secret show --reveal",
	}, func(ctx context.Context, c call) error {
		return p.printSecret(c.settings.Store(), reveal, c.out)
	})
	cmd.Flags().BoolVar(&reveal, "reveal", false, "print the secret itself")
	return cmd
}

func (p *program) printSecret(store *secret.Store, reveal bool, out *output) error {
	value, origin, err := store.Current()
	if err != nil {
		return err
	}
	if value == "" {
		return hint(errors.New("no secret is set"), "generate one: hookctl secret generate")
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
