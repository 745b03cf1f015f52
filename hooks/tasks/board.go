package tasks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/hooks"
)

// board is a board at GitHub (Projects v2) as its REST calls know it. Names are looked up for each plan, since people rename them.
type board struct {
	client  *hooks.Client
	name    string // owner/number
	base    string // orgs/octo-org/projectsV2/7, or users/…
	field   int64
	options map[string]string // id by lower case name
	names   []string
}

// boardText is a text that GitHub gives as {"raw","html"} in some answers and as a string in others.
type boardText string

// UnmarshalJSON reads either form.
func (t *boardText) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = boardText(s)
		return nil
	}
	var o struct{ Raw string }
	err := json.Unmarshal(data, &o)
	*t = boardText(o.Raw)
	return err
}

func boardCall(op, name, method, path string, body any) hooks.Call {
	return hooks.Call{Op: op, Target: "board " + name, Method: method, Path: path, Body: body, Scope: "project", Permission: "Projects: read and write"}
}

// openBoard finds the board of the settings and its field: of an organization, else of a user.
func (s *Sync) openBoard(ctx context.Context, client *hooks.Client) (*board, error) {
	owner, number, err := s.cfg.Board.parts()
	if err != nil {
		return nil, backoff.Permanent(err)
	}
	b := &board{client: client, name: s.cfg.Board.Project, options: map[string]string{}}
	type wireField struct {
		ID      int64
		Name    string
		Type    string `json:"data_type"`
		Options []struct {
			ID   string
			Name boardText
		}
	}
	var fields []wireField
	for _, kind := range []string{"orgs", "users"} {
		b.base = fmt.Sprintf("%s/%s/projectsV2/%d", kind, url.PathEscape(owner), number)
		fields, err = hooks.All[wireField](ctx, client, boardCall("read the board", b.name, "GET", b.base+"/fields?per_page=100", nil), 0)
		if !errors.Is(err, hooks.ErrNotFound) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	var selects []string
	for _, f := range fields {
		if f.Type != "single_select" {
			continue
		}
		selects = append(selects, line(f.Name, 60))
		if strings.EqualFold(f.Name, s.cfg.Board.Field) {
			b.field = f.ID
			for _, o := range f.Options {
				b.options[strings.ToLower(string(o.Name))] = o.ID
				b.names = append(b.names, line(string(o.Name), 60))
			}
		}
	}
	if b.field == 0 {
		return nil, backoff.Permanent(hooks.WithCure(fmt.Errorf("the board %s has no single select field %q; it has: %s", b.name, s.cfg.Board.Field, strings.Join(selects, ", ")), "correct sync.board.field: hookctl config edit"))
	}
	return b, nil
}

// item is the item of an issue, which is added where the board does not have it, and the column that it is in.
func (b *board) item(ctx context.Context, repo hooks.Target, issue int64) (id int64, column string, err error) {
	var made struct{ ID int64 }
	err = b.client.Do(ctx, boardCall("add the issue to the board", b.name, "POST", b.base+"/items",
		map[string]any{"type": "Issue", "owner": repo.Owner, "repo": repo.Repo, "number": issue}), &made)
	if err != nil {
		return 0, "", err
	}
	var item struct {
		Fields []struct {
			ID    int64
			Value *struct{ Name boardText }
		}
	}
	err = b.client.Do(ctx, boardCall("read the item of the board", b.name, "GET", fmt.Sprintf("%s/items/%d?fields=%d", b.base, made.ID, b.field), nil), &item)
	if err != nil {
		return 0, "", err
	}
	for _, f := range item.Fields {
		if f.ID == b.field && f.Value != nil {
			column = string(f.Value.Name)
		}
	}
	return made.ID, column, nil
}

// move puts an item into a column.
func (b *board) move(ctx context.Context, w *work, item int64, column string) error {
	option, known := b.options[strings.ToLower(column)]
	if !known {
		return backoff.Permanent(hooks.WithCure(fmt.Errorf("the board %s has no column %q; it has: %s", b.name, column, strings.Join(b.names, ", ")), "correct sync.board: hookctl config edit"))
	}
	return w.change(ctx, "board", boardCall("move the item on the board", b.name, "PATCH", fmt.Sprintf("%s/items/%d", b.base, item),
		map[string]any{"fields": []map[string]any{{"id": b.field, "value": option}}}), nil)
}

// move says where an issue goes on the board.
type move struct {
	repo   hooks.Target // of the issue
	issue  int64        // 0 is that of the work, in its repository
	column string
	only   string                              // it is moved out of that column alone; "" is any
	leaves bool                                // it is moved out of Done too, because it is open again; nothing else ever is
	before func(context.Context, string) error // gets the column that it is in before it is moved; nil for none
}

// onBoard adds a step that moves an issue into a column.
func (s *Sync) onBoard(w *work, m move) {
	if s.cfg.Board.Project == "" || m.column == "" {
		return
	}
	a, did := Action{Action: "board", Title: m.column}, fmt.Sprintf("moved to %s on the board", quoted(m.column))
	if m.issue == 0 {
		m.repo = w.t.repo.target()
	} else {
		a.Issue = &m.issue
		did = fmt.Sprintf("moved %s#%d to %s on the board", elsewhere(w, m.repo), m.issue, quoted(m.column))
	}
	w.add(step{Action: a, did: did, aside: true, do: func(ctx context.Context) error {
		b, err := s.openBoard(ctx, w.client)
		if err != nil {
			return err
		}
		id, is, err := b.item(ctx, m.repo, cmp.Or(m.issue, w.issue))
		if err != nil {
			return err
		}
		if m.before != nil {
			if err := m.before(ctx, is); err != nil {
				return err
			}
		}
		done := s.cfg.Board.DoneName != "" && strings.EqualFold(is, s.cfg.Board.DoneName)
		if strings.EqualFold(is, m.column) || done && !m.leaves || m.only != "" && !strings.EqualFold(is, m.only) {
			return nil
		}
		return b.move(ctx, w, id, m.column)
	}})
}

// remember is a [move.before] that notes the former column, unless it is the one that the issue goes to: an interrupted attempt
// may have moved it. since is zero where the entry keeps its own.
func (s *Sync) remember(w *work, to string, since time.Time) func(context.Context, string) error {
	return func(ctx context.Context, was string) error {
		if strings.EqualFold(was, to) {
			return nil
		}
		return w.note(ctx, "open", func(e *entry) { // now: after an interruption the board shows only where it is
			e.Former, e.Title, e.Issue, e.URL = was, w.title, w.issue, w.url
			if !since.IsZero() {
				e.Since = since.UTC()
			}
		})
	}
}

// backOnBoard adds the step for an issue that is open: it goes where it was before it was done.
func (s *Sync) backOnBoard(w *work, l *ledger) {
	m := move{column: s.cfg.Board.Todo, leaves: true}
	if e := l.Entries[w.key]; e != nil {
		m.column = cmp.Or(e.Former, m.column)
	}
	s.onBoard(w, m)
}

// elsewhere names a repository where it is not that of the work.
func elsewhere(w *work, repo hooks.Target) string {
	if strings.EqualFold(repo.String(), w.t.repo.name) {
		return ""
	}
	return repo.String()
}
