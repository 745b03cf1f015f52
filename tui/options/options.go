// Package options is the Settings page: every setting with its value, where that comes from and what it is for, and the ways
// to change it. It knows settings only through the functions of Source, which do what `hookctl config` does.
package options

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/tui/kit"
)

// Setting is one setting in force.
type Setting struct {
	Key, Value, Origin string   // as `hookctl config` prints them
	About              string   // what it is for, in a sentence
	Default            string   // its value where nothing sets it
	Values             []string // the only ones allowed, nil for any
	Saved              bool     // hookctl.yaml sets it
	List               bool     // texts with commas between them
	Block              bool     // a map or a list of sections: only an editor changes it
	Fixed              bool     // it is not in hookctl.yaml
}

// Source is what the page shows and what changes it. Each function may take its time. What they return as text says in a
// sentence what became of it, and whether the running receiver uses it.
type Source struct {
	File  string                    // hookctl.yaml
	First []Setting                 // the settings when the interface was opened
	Load  func() ([]Setting, error) // the settings of this moment
	Set   func(ctx context.Context, key, value string) (string, error)
	Unset func(ctx context.Context, key string) (string, error)
	Edit  func(ctx context.Context, key string) (string, error) // opens an editor; has the terminal in the meantime
	// Check asks the sink of that place in the list whether a notification would arrive, without sending one.
	Check func(ctx context.Context, sink int) (string, error)
	// Test sends a signed sample through the receiver, and with it a notification marked as a test.
	Test func(ctx context.Context) error
}

// Config is what the page is given.
type Config struct {
	Source
	Receiver *kit.Answer[daemon.Status]
	Restart  func() tea.Cmd // restarts the receiver
}

// Page lists the settings and changes them.
type Page struct {
	shell   *kit.Shell
	cfg     Config
	all     []Setting
	rows    []Setting // those that are listed
	err     error     // why they cannot be read
	known   bool
	changed bool   // only what is not a default is listed
	find    string // the words that are looked for
	want    string // the key to go to once the settings are known
	busy    string // what is under way
	kit.Cursor
	high int // lines of the list in the last view
}

// New makes the page.
func New(shell *kit.Shell, cfg Config) *Page {
	p := &Page{shell: shell, cfg: cfg, all: cfg.First, known: cfg.First != nil}
	p.list()
	return p
}

// Name implements kit.Page.
func (p *Page) Name() string { return kit.PageSettings }

// Open implements kit.Page.
func (p *Page) Open(request any) tea.Cmd {
	if r, ok := request.(kit.Settings); ok && r.Name != "" {
		p.want, p.find, p.changed = r.Name, "", false
		p.list()
	}
	return p.load()
}

// load reads the settings again.
func (p *Page) load() tea.Cmd {
	load := p.cfg.Load
	if load == nil {
		return nil
	}
	return kit.Ask(p.shell, func(context.Context) ([]Setting, error) { return load() }, func(rows []Setting, err error) tea.Cmd {
		p.known, p.err = true, err
		if err == nil {
			p.all = rows
		}
		p.list()
		return nil
	})
}

// Update implements kit.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case kit.Wheel:
		return p.move(msg.Lines)
	case kit.Click:
		if i := p.Top + msg.Y - 1; msg.Y >= 1 && msg.Y <= p.high && i < len(p.rows) {
			p.To(i, len(p.rows))
			if msg.Double {
				return p.change()
			}
		}
	}
	return nil
}

// list makes the rows. The cursor stays on its setting.
func (p *Page) list() {
	under := p.under().Key
	if p.want != "" {
		under = p.want
	}
	named := func(s Setting) int { // what has the words in its name comes first
		if kit.HasWords(s.Key, p.find) {
			return 0
		}
		return 1
	}
	p.rows = nil
	for _, s := range p.all {
		if (!p.changed || s.Origin != "default") && kit.HasWords(strings.Join([]string{s.Key, s.Value, s.Origin, s.About}, " "), p.find) {
			p.rows = append(p.rows, s)
		}
	}
	slices.SortStableFunc(p.rows, func(a, b Setting) int { return named(a) - named(b) })
	i := slices.IndexFunc(p.rows, func(s Setting) bool { return s.Key == under })
	if i >= 0 {
		p.want = ""
	}
	p.To(max(i, 0), len(p.rows))
}

// under is the setting of the cursor.
func (p *Page) under() Setting {
	s, _ := kit.Under(p.Cursor, p.rows)
	return s
}

func (p *Page) move(by int) tea.Cmd { p.To(p.At+by, len(p.rows)); return nil }

// sink is the place in the list of the sink that the cursor is on, -1 for none.
func (p *Page) sink() int {
	var i int
	if _, err := fmt.Sscanf(p.under().Key, "sinks[%d]", &i); err != nil {
		return -1
	}
	return i
}

// View implements kit.Page.
func (p *Page) View(w, h int) string {
	t := p.shell.Theme
	switch {
	case p.cfg.Load == nil:
		return kit.Fit("\n "+t.Faint.Render("run hookctl config to see every setting and where it comes from"), w, h)
	case p.err != nil && len(p.all) == 0:
		return kit.Fit("\n"+strings.Join(p.shell.Trouble(p.err, w), "\n"), w, h)
	case !p.known:
		return kit.Fit("\n "+t.Faint.Render("reading the settings"), w, h)
	}
	detail := p.detail(w, h)
	p.high = max(0, h-1-len(detail))
	out := []string{t.Cut(" "+p.head(), w)}
	if len(p.rows) == 0 {
		out = append(out, " Nothing is listed.", " "+t.Key.Render("esc")+" shows all settings again.")
	}
	from, to := p.Window(len(p.rows), p.high)
	name, from1 := p.columns(w)
	for i := from; i < to; i++ {
		out = append(out, p.row(i, w, name, from1))
	}
	return kit.Fit(strings.Join(out, "\n"), w, h-len(detail)) + "\n" + kit.Fit(strings.Join(detail, "\n"), w, len(detail))
}

// head is the line above the list.
func (p *Page) head() string {
	t := p.shell.Theme
	n := 0
	for _, s := range p.all {
		if s.Origin != "default" {
			n++
		}
	}
	head := text.Count(len(p.all), "setting") + t.Faint.Render(fmt.Sprintf(", %d changed", n))
	if p.changed {
		head = text.Count(n, "changed setting") + t.Faint.Render(fmt.Sprintf(" of %d", len(p.all)))
	}
	if p.find != "" {
		head += "  " + t.Faint.Render("find ") + t.Accent.Render(kit.Clean(p.find)) + t.Faint.Render(fmt.Sprintf(": %d", len(p.rows)))
	}
	switch waiting := p.cfg.Receiver.Value.NeedsRestart; {
	case p.busy != "":
		head += "  " + t.Warn.Render(t.Sym.Pending) + " " + p.busy
	case p.cfg.Receiver.OK() && len(waiting) > 0:
		need := kit.Clean(kit.Some(waiting, 2)) + " need" + kit.When(len(waiting) == 1, "s") + " a restart: "
		head += "  " + t.Warn.Render(t.Sym.Warn+" "+need) + t.Key.Render("b")
	case p.err != nil:
		head += "  " + t.Bad.Render(t.Sym.Bad+" "+kit.Clean(p.err.Error()))
	default:
		head += "  " + t.Faint.Render(kit.Clean(p.cfg.File))
	}
	return head
}

// columns are the widths of names and origins; values get the rest. In a narrow window the origins stand below the list only.
func (p *Page) columns(w int) (name, origin int) {
	for _, s := range p.rows {
		name, origin = max(name, kit.Width(s.Key)), max(origin, kit.Width(s.Origin))
	}
	name, origin = min(name, w/2), min(origin, w*3/8)
	if w < 60 {
		origin = 0
	}
	return name, origin
}

// row draws a setting: what is not a default stands out.
func (p *Page) row(i, w, name, origin int) string {
	t, s := p.shell.Theme, p.rows[i]
	room := max(1, w-3-name-1)
	from := ""
	if origin > 0 {
		room = max(1, room-origin-2)
		from = "  " + t.Middle(kit.Clean(s.Origin), origin)
	}
	key, value := kit.FitLine(t.Middle(kit.Clean(s.Key), name), name)+"  ", t.Cell(kit.Clean(s.Value), room)
	switch {
	case i == p.At:
		return t.Selected.Render(kit.FitLine(t.Sym.Cursor+key+value+from, w))
	case s.Origin == "default":
		return " " + key + value + t.Faint.Render(from)
	}
	return " " + key + t.Bold.Render(value) + t.Accent.Render(from)
}

// detail says below the list what the marked setting is for.
func (p *Page) detail(w, h int) []string {
	if h < 8 {
		return nil
	}
	t, s, lines := p.shell.Theme, p.under(), 4
	if h < 14 {
		lines = 2
	}
	out := []string{t.Border.Render(strings.Repeat(t.Sym.Rule, max(0, w)))}
	if s.Key == "" {
		return append(out, make([]string, lines-1)...)
	}
	facts := s.Key + ": " + s.Origin + kit.When(s.Default != s.Value && s.Default != "", ", default "+s.Default) +
		kit.When(len(s.Values) > 0, ", one of "+strings.Join(s.Values, ", "))
	about := kit.Paragraph(kit.Clean(s.About), w)
	if lines > 2 {
		about = append([]string{" " + t.Faint.Render(t.Cut(kit.Clean(facts), w-2))}, about...)
	}
	if len(about) >= lines {
		about = about[:lines-1]
		about[lines-2] = t.Cut(about[lines-2]+" "+t.Sym.More, w)
	}
	out = append(out, about...)
	return append(out, make([]string, max(0, lines-len(out)))...)
}
