package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/logs/text"
)

// command runs a program for each notification: the payload on its standard input, the fields in its
// environment. No shell stands between, so text from outside is never read as one.
type command struct{ Config }

func newCommand(c Config) (Sink, error) {
	if len(c.Command) == 0 || c.Command[0] == "" {
		return nil, errors.New("command: a program is needed")
	}
	return &command{c}, nil
}

func (c *command) Send(ctx context.Context, m Message) (string, error) {
	payload, err := m.Payload(ctx)
	if err != nil {
		return "", fmt.Errorf("read the payload: %w", err)
	}
	fields, err := json.Marshal(m.Context)
	if err != nil {
		return "", backoff.Permanent(fmt.Errorf("encode the fields: %w", err))
	}
	env := environment(c.Env, map[string]string{
		"TYPE": m.Kind, "PRIORITY": m.Priority, "SUBJECT": m.Subject, "MESSAGE": m.Text, "EVENT": m.Event,
		"DELIVERY_ID": m.DeliveryID, "FILE": m.File, "ID": m.ID, "CONTEXT": string(fields),
		"ACTION": m.Field("action"), "REPOSITORY": m.Field("repository"), "SENDER": m.Field("sender"),
		"BRANCH": m.Field("branch"), "SHA": m.Field("sha"), "URL": m.Field("url"),
	})
	_, err = runProgram(ctx, c.Timeout, c.Command, env, bytes.NewReader(payload))
	return "", err
}

func (c *command) Check(context.Context) error { return lookUp(c.Command[0]) }

// ampSend runs AI Maestro's amp-send. It prints most of its errors on standard output and takes no
// "--", so no argument may begin with a dash.
type ampSend struct{ Config }

func newAMPSend(c Config) (Sink, error) {
	if c.To == "" {
		return nil, errors.New("to: the name of an agent is needed")
	}
	if len(c.Command) == 0 {
		c.Command = []string{"amp-send"}
	}
	return &ampSend{c}, nil
}

func (a *ampSend) Send(ctx context.Context, m Message) (string, error) {
	fields, err := json.Marshal(m.Context)
	if err != nil {
		return "", backoff.Permanent(fmt.Errorf("encode the fields: %w", err))
	}
	args := append(slices.Clone(a.Command), a.To, undashed(m.Subject), undashed(m.Text),
		"--priority", maestroPriority(m), "--type", "notification", "--context", string(fields))
	_, err = runProgram(ctx, a.Timeout, args, environment(a.Env, nil), nil)
	return "", err
}

// Check finds out whether a message could be sent, without sending one: the program must run, and amp-status, which is
// installed beside it, must know an identity to send with.
func (a *ampSend) Check(ctx context.Context) error {
	if err := lookUp(a.Command[0]); err != nil {
		return err
	}
	env := environment(a.Env, nil)
	if _, err := runProgram(ctx, a.Timeout, append(slices.Clone(a.Command), "--help"), env, nil); err != nil {
		return err
	}
	path, err := exec.LookPath(a.Command[0])
	dir, name := filepath.Split(path)
	if err != nil || !strings.HasPrefix(name, "amp-send") {
		return nil // Some other program stands in for it.
	}
	status := dir + "amp-status" + strings.TrimPrefix(name, "amp-send")
	if lookUp(status) != nil {
		return nil
	}
	said, err := runProgram(ctx, a.Timeout, []string{status, "--json"}, env, nil)
	if err != nil {
		return err
	}
	var got struct {
		Initialized *bool `json:"initialized"`
	}
	if json.Unmarshal([]byte(said), &got) == nil && got.Initialized != nil && !*got.Initialized {
		return errors.New("amp-send has no identity to send with; run amp-init --auto")
	}
	return nil
}

func undashed(s string) string {
	if strings.HasPrefix(s, "-") {
		return "· " + s
	}
	return s
}

func lookUp(program string) error {
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("the program cannot be run: %w", err)
	}
	return nil
}

// environment is the receiver's own without the webhook secrets, which no sink needs.
func environment(extra, fields map[string]string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GITHUB_WEBHOOK_SECRET") || strings.HasPrefix(v, "HOOKCTL_")
	})
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		env = append(env, name+"="+extra[name])
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		env = append(env, "HOOKCTL_"+name+"="+fields[name])
	}
	return env
}

// runProgram runs a program to its end, returns the first of what it printed, and kills it, with all that it started, when the
// time is over.
func runProgram(ctx context.Context, limit time.Duration, args, env []string, stdin io.Reader) (said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) // #nosec G204 -- the owner's settings name the program.
	var out firstWords
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, stdin, &out, &out
	cmd.WaitDelay = time.Second
	isolate(cmd)
	err = cmd.Run()
	if err == nil {
		return out.String(), nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("it did not end within %s", limit)
	}
	if words := text.Line(out.String(), 300); words != "" {
		return "", fmt.Errorf("run %s: %w: %s", args[0], err, words)
	}
	return "", fmt.Errorf("run %s: %w", args[0], err)
}

// firstWords keeps the first 4 KiB of what is written and takes the rest, so that a program that says much is not stopped by a
// broken pipe.
type firstWords struct{ bytes.Buffer }

// Write never fails.
func (w *firstWords) Write(p []byte) (int, error) {
	_, _ = w.Buffer.Write(p[:min(len(p), 4<<10-w.Len())])
	return len(p), nil
}
