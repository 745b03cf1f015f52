package kit

import (
	"cmp"
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"
)

// Choice is one line of a menu or of a checklist. Its text is clean. One with neither ID nor Run is a heading: it cannot be
// chosen, and is left out while something is typed.
type Choice struct {
	ID     string // what the line stands for, where the owner of the list asks
	Text   string // what is matched and shown; ID where empty
	Right  string // shown at the right edge: keys, a count
	Detail string // shown under a menu while the line is chosen
	Off    string // why it cannot be chosen, or ""
	Run    func() tea.Cmd
}

func (c Choice) label() string { return cmp.Or(c.Text, c.ID) }

func (c Choice) heading() bool { return c.Run == nil && c.ID == "" }

// search is a list that typing narrows and that a cursor walks.
type search struct {
	th    *Theme
	Items []Choice
	Shown []Choice // what matches, best first, and then what Extra made
	match int      // how many match
	hits  [][]int  // matched bytes of each
	input textinput.Model
	Cursor
	high int // rows in the last view
	// Extra makes a line of what is typed, where nothing like it is listed.
	Extra func(text string) (Choice, bool)
}

func newSearch(t *Theme, placeholder string) search {
	l := search{th: t, input: NewInput(t, "")}
	l.input.Placeholder = placeholder
	return l
}

// narrow keeps the lines that match what is typed, the best one first.
func (l *search) narrow() {
	l.Cursor, l.Shown, l.match, l.hits = Cursor{}, l.Items, len(l.Items), nil
	pattern := strings.TrimSpace(l.input.Value())
	if pattern == "" {
		l.Move(0)
		return
	}
	texts := make([]string, len(l.Items))
	whole, exact := false, false // what is typed occurs as it is; then scattered letters are no match
	for i, c := range l.Items {
		texts[i] = c.label()
		whole = whole || !c.heading() && contains(texts[i], pattern)
		exact = exact || strings.EqualFold(c.ID, pattern)
	}
	found := fuzzy.Find(pattern, texts)
	slices.SortStableFunc(found, func(a, b fuzzy.Match) int { // what begins with it comes first, on whichever page
		return cmp.Compare(begins(b.Str, pattern), begins(a.Str, pattern))
	})
	l.Shown = nil
	for _, hit := range found {
		if c := l.Items[hit.Index]; !c.heading() && (!whole || contains(hit.Str, pattern)) {
			l.Shown, l.hits = append(l.Shown, c), append(l.hits, hit.MatchedIndexes)
		}
	}
	if l.match = len(l.Shown); l.Extra == nil || exact {
		return
	}
	if made, ok := l.Extra(pattern); ok {
		l.Shown = append(l.Shown, made)
	}
}

// begins is 1 where text, or what follows the name of a page in it, begins with words, and 0 otherwise.
func begins(text, words string) int {
	_, rest, _ := strings.Cut(text, ": ")
	for _, s := range []string{text, rest} {
		if len(s) >= len(words) && strings.EqualFold(s[:len(words)], words) {
			return 1
		}
	}
	return 0
}

// contains ignores case.
func contains(text, words string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(words))
}

// take types into the search line, follows the wheel, and has click do what follows a click on a line; the lines begin at y.
func (l *search) take(msg tea.Msg, y int, click func(Click) tea.Cmd) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg:
		changed, cmd := TypeInto(&l.input, msg)
		if changed {
			l.narrow()
		}
		return cmd
	case Wheel:
		return l.Move(msg.Lines)
	case Click:
		at := l.Cursor
		if at.Hit(msg, y, len(l.Shown), l.high) && !l.Shown[at.At].heading() {
			l.Cursor = at
			return click(msg)
		}
	}
	return nil
}

// Move goes by some lines, over the headings.
func (l *search) Move(by int) tea.Cmd {
	heading := func() bool { return len(l.Shown) > 0 && l.Shown[l.At].heading() }
	if l.To(l.At+by, len(l.Shown)); by < 0 && heading() {
		l.To(l.At-1, len(l.Shown))
	}
	if heading() {
		l.At++
	}
	if l.At == 1 {
		l.Top = 0 // the first heading is seen
	}
	return nil
}

// Under is the line of the cursor.
func (l *search) Under() (Choice, bool) { return Under(l.Cursor, l.Shown) }

// Place is the terminal's cursor in the search line.
func (l *search) Place() *tea.Cursor { return CaretOf(l.input, 3, 0) }
