package server

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// coalesceWindow is how long followers are gathered.
type coalesceWindow time.Duration

type gatherKey struct{ kind, repository, sha, sink string }

// gathering collects what follows a notification of the same type, repository and commit.
type gathering struct {
	until time.Time
	items []*item
}

// offer sends an item's notification at once, unless one of the same type, repository and commit has just gone: then
// it waits for the end of the window and becomes part of one update. q.mu is held.
func (q *queue) offer(it *item, ev Event) {
	window := time.Duration(q.s.settings.Load().window)
	if window <= 0 || ev.SHA == "" || ev.Repository == "" {
		q.push(it)
		return
	}
	key := gatherKey{it.kind, ev.Repository, ev.SHA, it.key.sink}
	now := time.Now()
	if g := q.gathers[key]; g != nil && now.Before(g.until) {
		g.items = append(g.items, it)
		return
	} else if g != nil {
		q.release(key, g)
	}
	q.gathers[key] = &gathering{until: now.Add(window)}
	q.push(it)
}

// release queues what a window has gathered, as one item. q.mu is held.
func (q *queue) release(key gatherKey, g *gathering) {
	delete(q.gathers, key)
	if len(g.items) == 0 {
		return
	}
	one := g.items[0]
	for _, more := range g.items[1:] {
		one.refs = append(one.refs, more.refs...)
		one.tries = max(one.tries, more.tries)
	}
	q.push(one)
}

// flushGathered releases the windows that are over and returns how long the next one lasts. q.mu is held.
func (q *queue) flushGathered(now time.Time) time.Duration {
	next := time.Hour
	for key, g := range q.gathers {
		if left := g.until.Sub(now); left > 0 {
			next = min(next, left)
			continue
		}
		q.release(key, g)
	}
	return next
}

// listed is how many of the gathered notifications a message names.
const listed = 40

// gatheredMessage makes one update of the first of several notifications and the list of all.
func gatheredMessage(m message, refs []ref) message {
	ids := make([]string, 0, len(refs))
	var b strings.Builder
	fmt.Fprintf(&b, "%d more of the same kind for the same commit:\n", len(refs))
	for i, r := range refs {
		ids = append(ids, r.delivery)
		if i < listed {
			fmt.Fprintf(&b, "- %s\n", line(strings.TrimPrefix(r.result, m.kind+": "), 120))
		}
	}
	if len(refs) > listed {
		fmt.Fprintf(&b, "- and %d others\n", len(refs)-listed)
	}
	fmt.Fprintf(&b, "The first of them: %s", m.text)
	m.text = paragraphs(b.String(), 8000)
	m.subject = line(fmt.Sprintf("%s: %d more in %s", m.kind, len(refs), orPlace(field(m, "repository"))), 200)
	m.context["delivery_ids"], m.context["update"] = ids, true
	m.id += "/update"
	return m
}

func orPlace(repository string) string { return place(Event{Repository: repository}) }

// heads remembers the last commits of branches, so that a failure of an old one can say so.
type heads struct {
	mu       sync.Mutex
	branches map[string][]string // by repository and branch, oldest first
	order    []string
}

const (
	headsPerBranch = 20
	headsBranches  = 2000
)

// note takes a push into account.
func (h *heads) note(ev Event) {
	if ev.Name != "push" || ev.Branch == "" || ev.Repository == "" {
		return
	}
	key := ev.Repository + "\x00" + ev.Branch
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.branches == nil {
		h.branches = map[string][]string{}
	}
	list, known := h.branches[key]
	if !known {
		h.order = append(h.order, key)
		if len(h.order) > headsBranches {
			delete(h.branches, h.order[0])
			h.order = h.order[1:]
		}
		if ev.Before != "" {
			list = append(list, ev.Before)
		}
	}
	if ev.SHA != "" {
		list = append(list, ev.SHA)
	}
	h.branches[key] = list[max(0, len(list)-headsPerBranch):]
}

// remark adds to a failure whose commit a newer push to its branch has overtaken that this is so.
func (h *heads) remark(m message) message {
	sha, branch := field(m, "sha"), field(m, "branch")
	if m.kind != "ci_failure" || sha == "" || branch == "" {
		return m
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.branches[field(m, "repository")+"\x00"+branch]
	for i, old := range list {
		if newest := list[len(list)-1]; old == sha && i < len(list)-1 && newest != sha {
			m.context["overtaken_by"] = newest
			m.text += "\nA newer push has overtaken this commit; the branch is now at " + newest + "."
			return m
		}
	}
	return m
}
