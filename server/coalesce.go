package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"hookctl/logs/text"
	"hookctl/server/route"
	"hookctl/server/sink"
)

// gatherKey names what is gathered after a notification: others of the same type, repository and commit for the same sink.
type gatherKey struct {
	lane      laneKey
	kind, sha string
}

// offer sends an item's notification at once, unless one of the same type, repository and commit has just gone: then it becomes part
// of one update, which comes into the lane when the window ends. q.mu is held.
func (q *queue) offer(it *item, sha string) {
	window := q.s.settings.Load().Coalesce
	if window <= 0 || sha == "" || it.key.repository == "" {
		q.push(it, it.key)
		return
	}
	key := gatherKey{it.key, it.kind, sha}
	if g := q.gathers[key]; g != nil {
		if len(g.refs) == 0 {
			g.since = it.since
		}
		g.refs = append(g.refs, it.refs...)
		g.tries = max(g.tries, it.tries)
		return
	}
	g := &item{attempts: attempts{due: time.Now().Add(window)}, key: it.key, kind: it.kind, sha: sha}
	q.gathers[key] = g
	q.push(g, laneKey{it.key.sink, it.key.repository, gathering})
	q.push(it, it.key)
}

// release ends the window of what was gathered.
func (q *queue) release(l *messages, it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.gathers, gatherKey{it.key, it.kind, it.sha})
	l.remove(it)
	it.due = time.Time{}
	if len(it.refs) > 0 {
		q.push(it, it.key)
	}
}

// join makes an item part of this one, which becomes a summary of both.
func (it *item) join(more *item) {
	it.refs = append(it.refs, more.refs...)
	it.tries = max(it.tries, more.tries)
	it.misses = 0
	if more.since.After(it.since) {
		it.since = more.since // Each has its full time.
	}
	it.summary, it.prepare, it.kind = true, nil, summaryKind
}

// Of the notifications that one message speaks for, so many are listed and named by their deliveries' ids.
const (
	listed  = 40
	namedBy = 200
)

// gatheredMessage makes one update of the first of several notifications and the list of all.
func gatheredMessage(m sink.Message, refs []ref) sink.Message {
	var b strings.Builder
	fmt.Fprintf(&b, "%d more of the same kind for the same commit:\n", len(refs))
	writeList(&b, refs, func(r ref) string { return r.line })
	fmt.Fprintf(&b, "The first of them: %s", m.Text)
	m.Text = text.ForAgent(b.String(), 8000)
	m.Subject = text.Line(fmt.Sprintf("%s: %d more in %s", m.Kind, len(refs), orPlace(m.Field("repository"))), 200)
	m.Context = maps.Clone(m.Context) // Another attempt may start from the same.
	m.Context["delivery_ids"], m.Context["update"] = deliveries(refs), true
	m.ID += "/update"
	return m
}

// summaryKind is the type of a message for notifications that piled up before a slow sink.
const summaryKind = "summary"

// summaryMessage makes one message of all that waited; the most important come first.
func summaryMessage(it *item) sink.Message {
	counts := map[string]int{}
	for _, r := range it.refs {
		counts[r.kind]++
	}
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		kinds = append(kinds, fmt.Sprintf("%d %s", counts[kind], kind))
	}
	refs := slices.Clone(it.refs)
	slices.SortStableFunc(refs, func(a, b ref) int {
		return slices.Index(sink.Priorities(), b.priority) - slices.Index(sink.Priorities(), a.priority)
	})
	repository, first := it.key.repository, it.refs[0]
	where := orPlace(repository)
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s waited too long to be sent one by one: %s.\n", text.Count(len(refs), "notification"), where, strings.Join(kinds, ", "))
	writeList(&b, refs, func(r ref) string { return r.kind + ": " + r.line })
	if text.IsRepository(repository) {
		fmt.Fprintf(&b, "All of them: hookctl events list repo:%s", repository)
	}
	return sink.Message{
		ID: fmt.Sprintf("%s/%s-%d", first.delivery, summaryKind, len(refs)), Kind: summaryKind, Event: summaryKind,
		Priority: refs[0].priority, Subject: text.Line(fmt.Sprintf("%s waiting in %s", text.Count(len(refs), "notification"), where), 200),
		Text: text.ForAgent(b.String(), 8000), DeliveryID: first.delivery, File: first.file, Received: it.since,
		Context: map[string]any{
			"source": "hookctl", "notification_type": summaryKind, "repository": route.OrNil(repository), "notifications": len(refs),
			"types": counts, "delivery_id": route.OrNil(first.delivery), "delivery_ids": deliveries(refs), "update": true,
		},
	}
}

// writeList writes a line for each of the first notifications and counts the others.
func writeList(b *strings.Builder, refs []ref, words func(ref) string) {
	for _, r := range refs[:min(listed, len(refs))] {
		fmt.Fprintf(b, "- %s\n", text.Line(words(r), 160))
	}
	if more := len(refs) - listed; more > 0 {
		fmt.Fprintf(b, "- and %s\n", text.Count(more, "other"))
	}
}

func deliveries(refs []ref) []string {
	var ids []string
	for _, r := range refs[:min(namedBy, len(refs))] {
		ids = append(ids, r.delivery)
	}
	return ids
}

func orPlace(repository string) string { return route.Place(route.Event{Repository: repository}) }

// heads remembers the last pushes, so that a failure of an old commit can say so.
type heads struct {
	mu     sync.Mutex
	pushes []head // the oldest first
}

type head struct{ repository, branch, sha string }

const mostHeads = 10_000

// note takes a push into account.
func (h *heads) note(ev route.Event) {
	if ev.Name != "push" || ev.Branch == "" || ev.Repository == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, sha := range []string{ev.Before, ev.SHA} {
		if sha != "" {
			h.pushes = append(h.pushes, head{ev.Repository, ev.Branch, sha})
		}
	}
	h.pushes = h.pushes[max(0, len(h.pushes)-mostHeads):]
}

// remark adds to a failure whose commit a newer push to its branch has overtaken that this is so.
func (h *heads) remark(m sink.Message) sink.Message {
	sha, branch := m.Field("sha"), m.Field("branch")
	if m.Kind != "ci_failure" || sha == "" || branch == "" {
		return m
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	newest := ""
	for _, x := range slices.Backward(h.pushes) {
		switch {
		case x.repository != m.Field("repository") || x.branch != branch:
		case newest == "":
			newest = x.sha
		case x.sha == sha && newest != sha:
			m.Context["overtaken_by"] = newest
			m.Text += "\nA newer push has overtaken this commit; the branch is now at " + newest + "."
			return m
		}
	}
	return m
}
