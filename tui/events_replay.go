package tui

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

	"hookctl/server/daemon"
)

// replayed is the receiver's answer to replay or resend.
type replayed struct {
	verb  string
	files []string
	err   error
}

// again asks the receiver to replay or resend the chosen records.
func (p *eventsPage) again(verb string) tea.Cmd {
	files := p.chosen()
	ctx, home := p.a.ctx, p.a.cfg.Home
	return func() tea.Msg {
		ctx, stop := context.WithTimeout(ctx, 30*time.Second)
		defer stop()
		return replayed{verb, files, post(ctx, daemon.Dial(home), "/"+verb, map[string]any{"files": files})}
	}
}

// post sends a request to one of the receiver's further handlers.
func post(ctx context.Context, c *daemon.Client, path string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	res, err := c.Do(ctx, http.MethodPost, path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read the receiver's answer: %w", err)
	}
	if res.StatusCode < 300 {
		return nil
	}
	var why struct{ Error string }
	if json.Unmarshal(text, &why) == nil && why.Error != "" {
		return fmt.Errorf("%s: %s", strings.TrimPrefix(path, "/"), why.Error)
	}
	return fmt.Errorf("%s: the receiver answered %s", strings.TrimPrefix(path, "/"), res.Status)
}

func (p *eventsPage) replayDone(m replayed) tea.Cmd {
	if m.err != nil {
		return p.a.fail(m.err)
	}
	clear(p.marks)
	n := "1 record"
	if len(m.files) > 1 {
		n = fmt.Sprintf("%d records", len(m.files))
	}
	if m.verb == "replay" {
		return p.a.say("replayed " + n + "; it appears at the top")
	}
	return p.a.say("notifications of " + n + " are sent again")
}
