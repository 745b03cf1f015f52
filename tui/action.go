package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// action is one thing that a person can do. The table of actions drives key
// dispatch, footer, help, palette and the copied command line.
type action struct {
	id      string         // stable name, for key overrides: "events.filter"
	keys    []string       // as tea names them; the first one is shown
	label   string         // footer label; "" keeps it out of the footer
	text    string         // one sentence for help and palette
	command string         // the command line that does the same, or ""
	off     string         // why it is off now, or ""
	move    bool           // it only moves a cursor: the palette has it last
	run     func() tea.Cmd // never nil
}

// find returns the action that key starts.
func find(actions []action, key string) (action, bool) {
	for _, a := range actions {
		if slices.Contains(a.keys, key) {
			return a, true
		}
	}
	return action{}, false
}

// override replaces the keys of the actions that the settings name.
func override(actions []action, keys map[string][]string) []action {
	if len(keys) == 0 {
		return actions
	}
	for i, a := range actions {
		if k, ok := keys[a.id]; ok && len(k) > 0 {
			actions[i].keys = k
		}
	}
	return actions
}

// keyName is how a key is written for people.
func keyName(key string, ascii bool) string {
	if !ascii {
		switch key {
		case "up":
			return "↑"
		case "down":
			return "↓"
		case "left":
			return "←"
		case "right":
			return "→"
		case "shift+tab":
			return "⇧tab"
		}
	}
	if rest, ok := strings.CutPrefix(key, "ctrl+"); ok && len(rest) == 1 {
		return "^" + rest
	}
	return key
}

// keyNames joins the keys of an action for help and palette.
func (a action) keyNames(ascii bool) string {
	names := make([]string, 0, len(a.keys))
	for _, k := range a.keys {
		names = append(names, keyName(k, ascii))
	}
	return strings.Join(names, " ")
}

// footer draws as many labels as fit, and always the last one, which is help.
func (t *theme) footer(actions []action, help action, w int) string {
	tail := t.key.Render(keyName(help.keys[0], t.ascii)) + " " + help.label
	left := w - len(help.keys[0]) - 1 - len(help.label) - 2
	var parts []string
	for _, a := range actions {
		if a.label == "" || a.off != "" || len(a.keys) == 0 || a.id == help.id {
			continue
		}
		k := keyName(a.keys[0], t.ascii)
		n := len([]rune(k)) + 1 + len(a.label) + 2
		if n > left {
			continue
		}
		left -= n
		parts = append(parts, t.key.Render(k)+" "+a.label)
	}
	return " " + strings.Join(append(parts, tail), "  ")
}
