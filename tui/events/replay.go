package events

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// replayed is the receiver's answer to replay or resend.
type replayed struct {
	verb string
	done int
	err  error
}

// again asks the receiver to replay or resend the chosen records.
func (p *Page) again(verb string) tea.Cmd {
	files := p.chosen()
	ctx, home := p.shell.Ctx, p.cfg.Home
	return func() tea.Msg {
		ctx, stop := context.WithTimeout(ctx, 30*time.Second)
		defer stop()
		done, err := post(ctx, daemon.Dial(home), "/"+verb, map[string]any{"files": files})
		return replayed{verb, done, err}
	}
}

// refused is an answer of the receiver other than success.
type refused struct{ text, hint string }

func (e *refused) Error() string { return e.text }

// Hint is what the receiver says can be done.
func (e *refused) Hint() string { return e.hint }

// post sends a request to one of the receiver's further handlers, and returns
// how many things it did.
func post(ctx context.Context, c *daemon.Client, path string, body any) (int, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	res, err := c.Do(ctx, http.MethodPost, path, bytes.NewReader(b))
	if err != nil {
		return 0, err
	}
	defer res.Body.Close() //nolint:errcheck // only read from
	words, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return 0, fmt.Errorf("read the receiver's answer: %w", err)
	}
	verb := strings.TrimPrefix(path, "/")
	var answer struct {
		Done        int
		Error, Hint string
	}
	// An answer that is none of ours has no error text and no number; the
	// status says enough.
	known := json.Unmarshal(words, &answer) == nil
	switch {
	case res.StatusCode < 300:
		return answer.Done, nil
	case known && answer.Error != "":
		return answer.Done, &refused{verb + ": " + text.Clean(answer.Error), answer.Hint}
	}
	return 0, fmt.Errorf("%s: the receiver answered %s", verb, res.Status)
}

func (p *Page) replayDone(m replayed) tea.Cmd {
	if m.err != nil {
		return p.shell.Fail(m.err)
	}
	clear(p.marks)
	text, some := againWords(m.verb, m.done)
	if !some {
		return p.shell.Warn(text)
	}
	if m.verb == "replay" {
		text += "; look at the top of the list"
	}
	return p.shell.Say(text)
}

// againWords says what came of a replay or resend, and whether that is anything.
func againWords(verb string, done int) (words string, some bool) {
	switch {
	case done == 0:
		return "the receiver found nothing to " + verb, false
	case verb == "replay":
		return "replayed " + text.Count(done, "record"), true
	}
	return "the notifications of " + text.Count(done, "record") + " are sent again", true
}
