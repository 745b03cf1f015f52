package events

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// openStats counts the records of the filter, and offers what can be counted alone: each type, repository, sender and hour.
func (p *Page) openStats() tea.Cmd {
	l, of := p.feed.log, p.feed.filter
	if l == nil {
		return p.shell.Warn("the log is being read")
	}
	return kit.Get(p.shell, func(ctx context.Context) (logs.Stats, error) { return l.Stats(ctx, of, time.Local) }, func(s logs.Stats) tea.Cmd {
		if s.Total == 0 {
			return p.shell.Say("no event to count")
		}
		return p.shell.Show(kit.NewMenu(p.shell, "Statistics of "+text.Count(s.Total, "event"), p.statsChoices(s)))
	})
}

// statsChoices are the tallies, each with how many records it has, their share, a bar, and how many have a notification that failed.
func (p *Page) statsChoices(s logs.Stats) (choices []kit.Choice) {
	const bars = 10 // columns of the longest one
	wide := kit.Width(text.Thousands(s.Total))
	span := fmt.Sprintf("%s to %s", s.First.Local().Format("2006-01-02 15:04"), s.Last.Local().Format("2006-01-02 15:04"))
	for _, group := range s.Groups() {
		if len(group.Tallies) == 0 {
			continue
		}
		choices = append(choices, kit.Choice{Text: "by " + group.By})
		most := slices.MaxFunc(group.Tallies, func(a, b logs.Tally) int { return a.Count - b.Count }).Count
		for _, t := range group.Tallies {
			right := fmt.Sprintf("%*s %5.1f%%", wide, text.Thousands(t.Count), s.Share(t.Count))
			if p.shell.W >= 60 {
				failed := kit.When(t.Failed > 0, text.Thousands(t.Failed)+" failed")
				bar := strings.Repeat(p.shell.Theme.Sym.Rule, max(1, bars*t.Count/most))
				right = kit.When(s.Failed > 0, fmt.Sprintf("%*s ", wide+7, failed)) + right + " " + kit.FitLine(bar, bars)
			}
			choices = append(choices, kit.Choice{
				Text: kit.Clean(t.Name), Right: right, Detail: span,
				Run: func() tea.Cmd {
					word, ok := s.Word(group.By, t, time.Local)
					if !ok {
						return p.shell.Warn("to choose an hour, filter a single day first: since:24h")
					}
					return p.addFilter(word)
				},
			})
		}
	}
	return choices
}
