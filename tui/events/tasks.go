package events

import (
	"cmp"
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// Tasks is what project sync follows; nil functions where it is off.
type Tasks struct {
	List  func() ([]tasks.Item, error)
	Apply func(ctx context.Context, key string) (done string, err error) // what is suggested, or failed
}

// tasksAction is the key of the list of tasks, where there can be any.
func (p *Page) tasksAction() []kit.Action {
	if p.cfg.Tasks.List == nil {
		return nil
	}
	return []kit.Action{{ID: "tasks", Keys: []string{"H"}, Label: "tasks", Text: "Show the tasks of project sync: failed, suggested and open.", Command: "hookctl sync list", Run: p.OpenTasks}}
}

// OpenTasks reads the list of tasks, and shows it above the page in front.
func (p *Page) OpenTasks() tea.Cmd {
	list := p.cfg.Tasks.List
	return kit.Get(p.shell, func(context.Context) ([]tasks.Item, error) { return list() }, p.showTasks)
}

// showTasks shows what is stuck, suggested, open, and was closed lately.
func (p *Page) showTasks(list []tasks.Item) tea.Cmd {
	if len(list) == 0 {
		return p.shell.Say("project sync follows nothing yet: no issue is open or suggested")
	}
	heads := map[int]string{0: "stuck", 1: "suggested: enter applies it", 2: "open", 3: "closed within 14 days"}
	var choices []kit.Choice
	last := -1
	for _, i := range list {
		if group := i.Group(); group != last {
			last = group
			choices = append(choices, kit.Choice{Text: heads[group]})
		}
		words := kit.Clean(i.Repository)
		if i.Issue != nil {
			words += fmt.Sprintf("#%d", *i.Issue)
		}
		words += "  " + kit.When(i.Blocked(), "blocked: ")
		choices = append(choices, kit.Choice{ID: i.Key, Text: words + kit.Clean(i.Title), Right: text.Span(p.shell.Now().Sub(i.Last)), Detail: kit.Clean(cmp.Or(i.Error, i.URL)),
			Run: func() tea.Cmd { return p.openTask(i) }})
	}
	return p.shell.Show(kit.NewMenu(p.shell, "Tasks", choices))
}

// openTask asks what to do about one.
func (p *Page) openTask(i tasks.Item) tea.Cmd {
	var choices []kit.Choice
	if i.Group() <= 1 && p.cfg.Tasks.Apply != nil {
		what := "Do what is suggested"
		if i.Error != "" {
			what = "Try again"
		}
		choices = append(choices, kit.Choice{Text: what, Detail: "hookctl sync apply " + i.Key, Run: func() tea.Cmd { return p.applyTask(i.Key) }})
		if i.File != "" {
			preview := "hookctl sync preview " + kit.Clean(i.File)
			choices = append(choices, kit.Choice{Text: "Copy the command that shows what that is", Detail: preview, Run: func() tea.Cmd { return p.shell.Copy("the command", preview) }})
		}
	}
	if kit.WebAddress(i.URL) {
		choices = append(choices, kit.Choice{Text: "Open the issue in the browser", Detail: kit.Clean(i.URL), Run: func() tea.Cmd { return p.shell.Browse(i.URL) }})
	}
	if i.File != "" {
		choices = append(choices, kit.Choice{Text: "Go to its newest event", Detail: kit.Clean(i.File), Run: func() tea.Cmd { return p.goToFile(i.File) }})
	}
	if len(choices) == 0 {
		return p.shell.Say("there is nothing to open")
	}
	return p.shell.Show(kit.NewMenu(p.shell, text.Cut(kit.Clean(i.Title), 60), choices))
}

// applyTime bounds what a person waits for: a log is read, an issue written.
const applyTime = 2 * time.Minute

func (p *Page) applyTask(key string) tea.Cmd {
	apply := p.cfg.Tasks.Apply
	return kit.Get(p.shell, func(ctx context.Context) (string, error) {
		ctx, stop := context.WithTimeout(ctx, applyTime)
		defer stop()
		return apply(ctx, key)
	}, p.shell.Say)
}

// goToFile shows the record of a name in the list.
func (p *Page) goToFile(file string) tea.Cmd {
	l := p.feed.log
	if l == nil {
		return nil
	}
	return kit.Get(p.shell, func(ctx context.Context) (*logs.Record, error) { return l.Read(ctx, file) }, func(r *logs.Record) tea.Cmd {
		return p.shell.GoTo(kit.PageEvents, r.Entry(int64(len(r.Payload))))
	})
}

// syncFacts says what project sync made of a record.
func syncFacts(s *logs.Sync) []fact {
	if s == nil {
		return nil
	}
	words, style := s.Text, ""
	switch s.Status {
	case logs.SyncDone:
		style = kit.LevelInfo
	case logs.SyncSuggested:
		words, style = "suggested, hookctl sync apply "+s.Key+": "+words, kit.LevelWarn
	case logs.StatusPending:
		words, style = "waiting"+kit.When(s.Error != "", " after "+text.Count(s.Attempts, "attempt")+": "+s.Error), kit.LevelWarn
	case logs.StatusFailed:
		words, style = "failed: "+s.Error, kit.LevelError
	}
	out := []fact{{"sync", words, style}}
	if s.URL != "" {
		out = append(out, fact{"issue", s.URL, ""})
	}
	if s.Hint != "" {
		out = append(out, fact{"hint", s.Hint, ""})
	}
	return out
}

// tidySync is the boundary where the words of an outcome enter the interface.
func tidySync(s *logs.Sync) *logs.Sync {
	if s == nil {
		return nil
	}
	c := *s
	for _, p := range []*string{&c.Status, &c.Key, &c.Text, &c.URL, &c.Error, &c.Hint} {
		*p = kit.Clean(*p)
	}
	return &c
}
