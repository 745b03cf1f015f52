package kit

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// Action is one thing that a person can do. The table of actions drives key
// dispatch, footer, help, palette and the copied command line.
type Action struct {
	ID      string         // stable name, for key overrides: "events.filter"
	Keys    []string       // as tea names them; the first one is shown
	Label   string         // footer label; "" keeps it out of the footer
	Text    string         // one sentence for help and palette
	Command string         // the command line that does the same, or ""
	Off     string         // why it is off now, or ""
	Acts    string         // what it does at GitHub or to an agent, for the count-down before it; "" for none
	Move    bool           // it only moves a cursor: the palette has it last
	Run     func() tea.Cmd // never nil

	group string // one of groups, set by the shell
}

// The groups of help and palette.
const (
	groupPage, groupBox          = "This page", "This box"
	groupMove, groupEverywhere   = "Move", "Everywhere"
	groupElsewhere, groupOffered = "Other pages", "Settings and filters"
)

// name is the sentence up to where an explanation begins, and rest what follows.
func (a Action) name() (name, rest string) {
	name = strings.TrimSuffix(a.Text, ".")
	end := len(name)
	for _, pause := range []string{"; ", ": ", " (", ", or ", ", then ", ", in ", ", one ", ", step "} {
		if i := strings.Index(name, pause); i >= 0 {
			end = min(end, i)
		}
	}
	return name[:end], strings.TrimLeft(name[end:], ";:, ")
}

// Find returns the action that key starts.
func Find(actions []Action, key string) (Action, bool) {
	for _, a := range actions {
		if slices.Contains(a.Keys, key) {
			return a, true
		}
	}
	return Action{}, false
}

// override replaces the keys of the actions that the settings name.
func override(actions []Action, keys map[string][]string) []Action {
	for i, a := range actions {
		if k, ok := keys[a.ID]; ok && len(k) > 0 {
			actions[i].Keys = k
		}
	}
	return actions
}

// KeyName is how a key is written for people.
func KeyName(key string, ascii bool) string {
	if sign, ok := map[string]string{"up": "↑", "down": "↓", "left": "←", "right": "→", "shift+tab": "⇧tab"}[key]; ok && !ascii {
		return sign
	}
	if rest, ok := strings.CutPrefix(key, "ctrl+"); ok && len(rest) == 1 {
		return "^" + rest
	}
	return key
}

// keyNames joins the keys of an action for help and palette.
func (a Action) keyNames(ascii bool) string {
	names := make([]string, 0, len(a.Keys))
	for _, k := range a.Keys {
		names = append(names, KeyName(k, ascii))
	}
	return strings.Join(names, " ")
}

// hint is a key's hint where the last line shows it.
type hint struct {
	key       string
	at, width int // columns
}

// footer draws as many labels as fit, and always the last one, which is help. It returns the columns that it takes and where the
// hints stand.
func (t *Theme) footer(actions []Action, help Action, w int) (line string, width int, hints []hint) {
	name := func(a Action) (string, int) {
		k := KeyName(a.Keys[0], t.Ascii)
		return t.Key.Render(k) + " " + a.Label, Width(k) + 1 + Width(a.Label)
	}
	tail, last := name(help)
	var parts []string
	at := 1
	for _, a := range actions {
		if a.Label == "" || a.Off != "" || len(a.Keys) == 0 || a.ID == help.ID {
			continue
		}
		part, n := name(a)
		if at+n+2+last > w {
			continue
		}
		parts, hints = append(parts, part), append(hints, hint{a.Keys[0], at, n})
		at += n + 2
	}
	return " " + strings.Join(append(parts, tail), "  "), at + last, append(hints, hint{help.Keys[0], at, last})
}

// Far is further than any list is long.
const Far = 1 << 30

// move is an action that moves a cursor.
func move(id string, keys []string, by int, text, off string, step func(by int) tea.Cmd) Action {
	return Action{ID: id, Keys: keys, Text: text, Off: off, Move: true, Run: func() tea.Cmd { return step(by) }}
}

// Moves are the keys that move a cursor, the same on every page. step gets how
// many lines to go, down positive; page is how many are on screen; off is why
// there is nowhere to go.
func Moves(page int, off string, step func(by int) tea.Cmd) []Action {
	page = max(2, page-1)
	return []Action{
		move("down", []string{"j", "down"}, 1, "Go down.", off, step),
		move("up", []string{"k", "up"}, -1, "Go up.", off, step),
		move("page.down", []string{"space", "pgdown"}, page, "Go a page down.", off, step),
		move("page.up", []string{"pgup"}, -page, "Go a page up.", off, step),
		move("half.down", []string{"ctrl+d"}, page/2+1, "Go half a page down.", off, step),
		move("half.up", []string{"ctrl+u"}, -page/2-1, "Go half a page up.", off, step),
	}
}

// Walk are Moves, and the keys to the first and the last line.
func Walk(page int, off string, step func(by int) tea.Cmd) []Action {
	return append(Moves(page, off, step),
		move("top", []string{"g", "home"}, -Far, "Go to the first line.", off, step),
		move("end", []string{"G", "end"}, Far, "Go to the last line.", off, step))
}

// scrolls are Walk for a text; label stands in the footer.
func scrolls(page int, label string, scroll func(by int) tea.Cmd) []Action {
	moves := Walk(page, "", scroll)
	moves[0].Label, moves[0].Keys = label, []string{"down", "j"}
	return moves
}

// Arrows are the keys that move where letters are typed; label stands in the
// footer, and prefix begins the ids.
func Arrows(prefix, label string, page int, step func(by int) tea.Cmd) []Action {
	page = max(1, page)
	one := func(id, key string, by int, text string) Action {
		return Action{ID: prefix + id, Keys: []string{key}, Text: text, Run: func() tea.Cmd { return step(by) }}
	}
	down := one(".down", "down", 1, "Go down.")
	down.Label = label
	return []Action{down, one(".up", "up", -1, "Go up."), one(".pagedown", "pgdown", page, "Go a page down."), one(".pageup", "pgup", -page, "Go a page up.")}
}
