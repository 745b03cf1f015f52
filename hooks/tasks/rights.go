package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hookctl/hooks"
)

// Right is one thing that sync needs, and whether it has it.
type Right struct {
	Name string // "issues of owner/repo", "board octo-org/7"
	Err  error  // nil where it is there; with its cure
	Note string // what was seen
}

// rightsOf is of how many repositories the rights are looked at.
const rightsOf = 20

// Rights looks whether the login may do what the settings ask for. It changes nothing; what only a change would show, such as
// a fine-grained token that may read but not write, it cannot see.
func (s *Sync) Rights(ctx context.Context) ([]Right, error) {
	client, err := s.github()
	if err != nil {
		return nil, err
	}
	scopes, classic, err := client.Scopes(ctx)
	if err != nil {
		return nil, err
	}
	var list []Right
	if s.cfg.Board.Project != "" {
		list = append(list, s.boardRight(ctx, client, scopes, classic))
	}
	var targets []hooks.Target
	if s.cfg.Targets != nil {
		if targets, err = s.cfg.Targets(ctx); err != nil {
			return list, err
		}
	}
	for _, t := range targets {
		ok, err := s.wanted(ctx, t)
		if err != nil {
			return list, err
		}
		if t.IsOrg() || !ok || len(list) == rightsOf {
			continue
		}
		list = append(list, s.repositoryRight(ctx, client, t, scopes, classic))
	}
	return list, nil
}

func (s *Sync) boardRight(ctx context.Context, client *hooks.Client, scopes []string, classic bool) Right {
	r := Right{Name: "board " + s.cfg.Board.Project}
	if classic && !slices.Contains(scopes, "project") {
		r.Err = hooks.WithCure(errors.New("the token lacks the scope project"), client.ScopeCure("project"))
		return r
	}
	b, err := s.openBoard(ctx, client)
	if err != nil {
		r.Err = err
		return r
	}
	var missing []string
	for _, column := range []string{s.cfg.Board.Todo, s.cfg.Board.InProgress, s.cfg.Board.InReview, s.cfg.Board.Blocked, s.cfg.Board.DoneName} {
		if _, known := b.options[strings.ToLower(column)]; column != "" && !known {
			missing = append(missing, column)
		}
	}
	if len(missing) > 0 {
		r.Err = hooks.WithCure(fmt.Errorf("the board has no column %s; it has: %s", strings.Join(missing, ", "), strings.Join(b.names, ", ")),
			"correct sync.board, or leave a column empty: hookctl config edit")
	}
	r.Note = "columns " + strings.Join(b.names, ", ")
	return r
}

// repositoryRight looks at one repository: issues, their labels, and the logs of its runs.
func (s *Sync) repositoryRight(ctx context.Context, client *hooks.Client, t hooks.Target, scopes []string, classic bool) Right {
	r := Right{Name: "issues of " + t.String()}
	at := issues{client, t}
	var found struct {
		Private     bool
		Archived    bool
		HasIssues   *bool `json:"has_issues"`
		Permissions struct{ Push, Triage bool }
	}
	call := at.call("look at the repository", "GET", "", nil)
	call.Permission = "Metadata: read"
	if r.Err = client.Do(ctx, call, &found); r.Err != nil {
		return r
	}
	repo := slices.Contains(scopes, "repo") || !found.Private && slices.Contains(scopes, "public_repo")
	switch {
	case classic && !repo:
		r.Err = hooks.WithCure(errors.New("the token lacks the scope repo, so it cannot write issues"), client.ScopeCure("repo"))
	case found.Archived:
		r.Err = hooks.WithCure(errors.New("it is archived, so nothing can be written"), "unarchive it, or list the others in sync.repositories: hookctl config edit")
	case found.HasIssues != nil && !*found.HasIssues:
		r.Err = hooks.WithCure(errors.New("its issues are switched off"), "gh repo edit "+t.String()+" --enable-issues, or list the others in sync.repositories: hookctl config edit")
	case !found.Permissions.Push && !found.Permissions.Triage:
		r.Err = hooks.WithCure(errors.New("the user may not set labels there"), "ask an owner of "+t.String()+" for the role Triage or Write")
	}
	if r.Err == nil && s.cfg.CI.Logs != "none" {
		runs := at.call("look at the runs", "GET", "/actions/runs?per_page=1", nil)
		runs.Permission = "Actions: read"
		var e *hooks.Error
		if err := client.Do(ctx, runs, nil); errors.Is(err, hooks.ErrScope) || errors.As(err, &e) && e.Status == 403 {
			r.Err = err
		}
	}
	r.Note = "issues, labels and logs"
	if !classic {
		r.Note += " can be read; what a fine-grained token may write shows with the first change"
	}
	return r
}
