package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

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

// openBoard finds the board of the settings and its field: of an organisation, else of a user.
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
		fields = nil
		err = hooks.Pages(ctx, client, boardCall("read the board", b.name, "GET", b.base+"/fields?per_page=100", nil), func(page []wireField) bool {
			fields = append(fields, page...)
			return true
		})
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

// onBoard adds a step that moves the issue of a work into a column. Where only is set, it is moved out of that column alone.
// What is done is never moved.
func (s *Sync) onBoard(w *work, column, only string) {
	s.moveOnBoard(w, w.t.repo.target(), 0, column, only, nil)
}

// moveOnBoard is onBoard for any issue; 0 is that of the work. before gets the column that it is in
// before it is moved.
func (s *Sync) moveOnBoard(w *work, repo hooks.Target, issue int64, column, only string, before func(context.Context, string) error) {
	if s.cfg.Board.Project == "" || column == "" {
		return
	}
	a, did := Action{Action: "board", Title: column}, fmt.Sprintf("moved to %s on the board", quoted(column))
	if issue != 0 {
		a.Issue = &issue
		did = fmt.Sprintf("moved %s#%d to %s on the board", elsewhere(w, repo), issue, quoted(column))
	}
	w.add(step{Action: a, did: did, aside: true, do: func(ctx context.Context, w *work) error {
		n := issue
		if n == 0 {
			n = w.issue
		}
		b, err := s.openBoard(ctx, w.client)
		if err != nil {
			return err
		}
		id, is, err := b.item(ctx, repo, n)
		if err != nil {
			return err
		}
		if before != nil {
			if err := before(ctx, is); err != nil {
				return err
			}
		}
		if strings.EqualFold(is, column) || s.cfg.Board.DoneName != "" && strings.EqualFold(is, s.cfg.Board.DoneName) || only != "" && !strings.EqualFold(is, only) {
			return nil
		}
		return b.move(ctx, w, id, column)
	}})
}

// elsewhere names a repository where it is not that of the work.
func elsewhere(w *work, repo hooks.Target) string {
	if strings.EqualFold(repo.String(), w.t.repo.name) {
		return ""
	}
	return repo.String()
}
