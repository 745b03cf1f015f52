package tui

import tea "charm.land/bubbletea/v2"

// moves are the keys that move a cursor, the same on every page. step gets how
// many lines to go, down positive; page is how many are on screen; off is why
// there is nowhere to go.
func moves(page int, off string, step func(by int) tea.Cmd) []action {
	page = max(2, page-1)
	one := func(id string, by int, text string, keys ...string) action {
		return action{id: id, keys: keys, text: text, off: off, move: true, run: func() tea.Cmd { return step(by) }}
	}
	return []action{
		one("down", 1, "Go down.", "j", "down"),
		one("up", -1, "Go up.", "k", "up"),
		one("page.down", page, "Go a page down.", "space", "pgdown"),
		one("page.up", -page, "Go a page up.", "pgup"),
		one("half.down", page/2+1, "Go half a page down.", "ctrl+d"),
		one("half.up", -page/2-1, "Go half a page up.", "ctrl+u"),
	}
}

// far is further than any list is long.
const far = 1 << 30

// ends are the keys to the first and the last line.
func ends(off string, step func(by int) tea.Cmd) []action {
	return []action{
		{id: "top", keys: []string{"g", "home"}, text: "Go to the first line.", off: off, move: true, run: func() tea.Cmd { return step(-far) }},
		{id: "end", keys: []string{"G", "end"}, text: "Go to the last line.", off: off, move: true, run: func() tea.Cmd { return step(far) }},
	}
}
