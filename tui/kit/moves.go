package kit

import tea "charm.land/bubbletea/v2"

// Moves are the keys that move a cursor, the same on every page. step gets how
// many lines to go, down positive; page is how many are on screen; off is why
// there is nowhere to go.
func Moves(page int, off string, step func(by int) tea.Cmd) []Action {
	page = max(2, page-1)
	one := func(id string, by int, text string, keys ...string) Action {
		return Action{ID: id, Keys: keys, Text: text, Off: off, Move: true, Run: func() tea.Cmd { return step(by) }}
	}
	return []Action{
		one("down", 1, "Go down.", "j", "down"),
		one("up", -1, "Go up.", "k", "up"),
		one("page.down", page, "Go a page down.", "space", "pgdown"),
		one("page.up", -page, "Go a page up.", "pgup"),
		one("half.down", page/2+1, "Go half a page down.", "ctrl+d"),
		one("half.up", -page/2-1, "Go half a page up.", "ctrl+u"),
	}
}

// Far is further than any list is long.
const Far = 1 << 30

// Ends are the keys to the first and the last line.
func Ends(off string, step func(by int) tea.Cmd) []Action {
	return []Action{
		{ID: "top", Keys: []string{"g", "home"}, Text: "Go to the first line.", Off: off, Move: true, Run: func() tea.Cmd { return step(-Far) }},
		{ID: "end", Keys: []string{"G", "end"}, Text: "Go to the last line.", Off: off, Move: true, Run: func() tea.Cmd { return step(Far) }},
	}
}
