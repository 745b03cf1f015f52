package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"hookctl/logs"
	"hookctl/logs/text"
)

// channel pushes events into a session of Claude Code: notifications/claude/channel, which the client shows to its agent and which
// wakes it. A client that does not know the channel drops a push without a word, and a session that is gone takes its pushes along. So
// an event stays offered, in the log, until somebody acknowledges it, and the first push of a session is one digest of all that was
// offered and never acknowledged, with what came while no session was there.
//
// The SDK sends no notifications that it does not know. A channel is therefore also the transport: it keeps the connection, and
// writes its own messages between those of the SDK.
type channel struct {
	face  *face
	inner mcp.Transport
	ready chan struct{} // closed once the client has said something

	mu   sync.Mutex
	conn mcp.Connection
}

// pace is the shortest time between two pushes.
const pace = 10 * time.Second

func newChannel(f *face, inner mcp.Transport) *channel {
	return &channel{face: f, inner: inner, ready: make(chan struct{})}
}

// Connect is that of the transport inside.
func (c *channel) Connect(ctx context.Context) (mcp.Connection, error) {
	conn, err := c.inner.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = conn
	return &heard{Connection: conn, ready: c.ready}, nil
}

// heard is a connection that says when its client is there: after the handshake of the older revisions, or with the first call of the
// newer ones that is not the question of what the server can do.
type heard struct {
	mcp.Connection
	ready chan struct{}
	once  sync.Once
}

func (h *heard) Read(ctx context.Context) (jsonrpc.Message, error) {
	m, err := h.Connection.Read(ctx)
	if r, is := m.(*jsonrpc.Request); is && r.Method != "initialize" && r.Method != "server/discover" && r.Method != "ping" {
		h.once.Do(func() { close(h.ready) })
	}
	return m, err
}

// run offers events until ctx ends.
func (c *channel) run(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-c.ready:
	}
	every := c.face.cfg.Pace
	if every == 0 {
		every = pace
	}
	for first := true; ctx.Err() == nil; first = false {
		if err := c.offer(ctx, first); err != nil && ctx.Err() == nil {
			c.face.cfg.Logger.Warn("offer events to the channel", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
}

// offer waits for events and pushes them. The first of a session does not wait: it pushes what is offered already.
func (c *channel) offer(ctx context.Context, first bool) error {
	w, log, err := c.face.open(ctx)
	if err != nil {
		return err
	}
	filter, err := w.ParseFilter(c.face.cfg.Filter)
	if err != nil {
		return err
	}
	name := c.face.cfg.Filter
	after, err := log.ChannelMark(name)
	if err != nil {
		return err
	}
	waiting, stop := ctx, context.CancelFunc(func() {})
	if first {
		waiting, stop = context.WithTimeout(ctx, 10*time.Millisecond)
	}
	defer stop()
	found, err := log.Wait(waiting, logs.WaitRequest{Filter: filter, After: after, Limit: maxRows})
	if err != nil && (!first || ctx.Err() != nil) {
		return err
	}
	open, err := log.Offer(ctx, name, found.Next, filesOf(found.Entries, fileOf)...)
	if err != nil {
		return err
	}
	entries := slices.DeleteFunc(found.Entries, func(e logs.Entry) bool { return !slices.Contains(open, e.File) })
	if first {
		list, err := log.Offers()
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return nil
		}
		if len(list) > 1 || len(entries) == 0 {
			return c.push(ctx, digest("offered and not acknowledged", filesOf(list, func(o logs.Offer) string { return o.File })), map[string]string{"type": "digest", "count": fmt.Sprint(len(list))})
		}
	}
	switch len(entries) {
	case 0:
		return nil
	case 1:
		return c.push(ctx, sentence(entries[0]), metaOf(entries[0]))
	}
	return c.push(ctx, digest("new", filesOf(entries, fileOf)), map[string]string{"type": "digest", "count": fmt.Sprint(len(entries))})
}

// filesOf are the files that the rows of a list name.
func filesOf[T any](list []T, file func(T) string) []string {
	files := make([]string, len(list))
	for i, row := range list {
		files[i] = file(row)
	}
	return files
}

func fileOf(e logs.Entry) string { return e.File }

// digest says in one push that there are several events. It names the newest.
func digest(what string, files []string) string {
	const shown = 10
	more := ""
	if n := len(files) - shown; n > 0 {
		files, more = files[n:], fmt.Sprintf(" and %d older", n)
	}
	return fmt.Sprintf("%s %s: %s%s. Details: event_view; then events_ack", text.Count(len(files), "event"), what, strings.Join(files, ", "), more)
}

// sentence is one event in fixed words, numbers and names: no text that somebody else chose reaches an agent this way.
func sentence(e logs.Entry) string {
	kind := e.Event
	if e.Notification != nil {
		kind = e.Notification.Type
	}
	what := map[string]string{"ci_failure": "CI failed", "ci_success": "CI passed", "pr_created": "pull request opened", "pr_merged": "pull request merged", "task_blocked": "task blocked",
		"task_unblocked": "task unblocked", "push": "push"}[kind]
	if what == "" {
		what = "event " + plainWord(kind)
	}
	where := ""
	if own("repository", e.Repository) && e.Repository != "" {
		where = " in " + e.Repository
	}
	number := ""
	if e.Number != nil {
		number = fmt.Sprintf(" #%d", *e.Number)
	}
	return fmt.Sprintf("%s%s%s. Details: event_view %s; then events_ack", what, number, where, e.File)
}

func plainWord(s string) string {
	if own("event", s) && s != "" {
		return s
	}
	return "unknown"
}

// metaOf is what stands beside the sentence.
func metaOf(e logs.Entry) map[string]string {
	meta := map[string]string{"event": plainWord(e.Event), "file": e.File}
	if own("delivery_id", e.DeliveryID) {
		meta["delivery_id"] = e.DeliveryID
	}
	if own("repository", e.Repository) {
		meta["repo"] = e.Repository
	}
	if n := e.Notification; n != nil {
		meta["type"], meta["priority"] = plainWord(n.Type), plainWord(n.Priority)
	}
	return meta
}

// push writes one notification between the SDK's messages.
func (c *channel) push(ctx context.Context, content string, meta map[string]string) error {
	params, err := json.Marshal(struct {
		Content string            `json:"content"`
		Meta    map[string]string `json:"meta"`
	}{content, meta})
	if err != nil {
		return err
	}
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	return conn.Write(ctx, &jsonrpc.Request{Method: "notifications/claude/channel", Params: params})
}
