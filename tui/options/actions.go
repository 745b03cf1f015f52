package options

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// Actions implements kit.Page.
func (p *Page) Actions() []kit.Action {
	s := p.under()
	none := cmp.Or(kit.When(s.Key == "", "no setting is listed"), p.busy)
	fixed := cmp.Or(none, kit.When(s.Fixed, "this is not in hookctl.yaml: HOOKCTL_HOME names another home"))
	unsaved := cmp.Or(fixed, kit.When(!s.Saved, "hookctl.yaml does not set it"))
	sink, runs := p.sink() >= 0, p.cfg.Receiver.OK()
	noSink := cmp.Or(none, kit.When(!sink, "this is for sinks; / finds them"))
	noTest := cmp.Or(none, kit.When(!runs, "the receiver is not running; "+kit.PageReceiver+" starts it"))
	noRestart := kit.When(!runs || len(p.cfg.Receiver.Value.NeedsRestart) == 0, "no setting waits for a restart")
	all := kit.When(p.find == "" && !p.changed, "all settings are listed already")
	change, edit, unset := "hookctl config set KEY VALUE", "hookctl config edit", "hookctl config unset KEY"
	if s.Key != "" {
		key := text.Shell(text.Clean(s.Key))
		change, edit, unset = "hookctl config set "+key+" "+text.Shell(text.Clean(s.Value)), "hookctl config edit "+key, "hookctl config unset "+key
	}
	if s.Block || s.Fixed {
		change = edit
	}
	view := "changed"
	if p.changed {
		view = "all"
	}
	acts := []kit.Action{
		{ID: "open", Keys: []string{"enter"}, Label: "change", Text: "Change the setting; maps and lists of sections, such as routes, open in your editor.", Command: change, Off: fixed, Run: p.change},
		{ID: "setting.edit", Keys: []string{"ctrl+e"}, Label: "editor", Text: "Open hookctl.yaml in your editor, at this setting; a mistake is not saved.", Command: edit, Off: p.busy, Run: p.edit},
		{ID: "setting.unset", Keys: []string{"-"}, Label: "default", Text: "Go back to the default: take the setting out of hookctl.yaml.", Command: unset, Off: unsaved, Run: p.askUnset},
		{ID: "sink.test", Keys: []string{"T"}, Label: kit.When(sink, "test"), Text: "Send a test notification to every sink, through the receiver.", Command: "hookctl test --sample workflow_run.failure", Off: noTest,
			Acts: "a sample of a failed CI run goes through the receiver, and its notification, marked as a test, to every sink of that route.", Run: p.test},
		{ID: "sink.check", Keys: []string{"P"}, Label: kit.When(sink, "check"), Text: "Check this sink: whether a notification would arrive, without sending one.", Command: "hookctl doctor", Off: noSink, Run: p.check},
		{ID: "find", Keys: []string{"/"}, Label: "find", Text: "Find settings by words of their key, value or description; the list updates while you type.", Run: p.openFind},
		{ID: "view.next", Keys: []string{"v"}, Label: view, Text: "Show all settings, or only those that are not a default.", Command: "hookctl config", Run: func() tea.Cmd {
			p.changed = !p.changed
			p.list()
			return nil
		}},
		{ID: "back", Keys: []string{"esc"}, Text: "Show all settings again.", Off: all, Run: func() tea.Cmd {
			p.find, p.changed = "", false
			p.list()
			return nil
		}},
		{ID: "copy", Keys: []string{"y"}, Text: "Copy the setting and its value.", Off: none, Run: func() tea.Cmd { return p.shell.Copy(s.Key, s.Key+": "+s.Value) }},
		{ID: "receiver.restart", Keys: []string{"b"}, Text: "Restart the receiver, for settings that it reads only when it starts.", Command: "hookctl restart", Off: noRestart, Run: p.cfg.Restart},
	}
	return append(acts, kit.Walk(p.high, none, p.move)...)
}

// do runs a change, a check or a test in a command, one at a time. line is where the value was typed, and then follows a
// success; both may be nil.
func (p *Page) do(what string, run func(context.Context) (string, error), line *kit.Prompt, then func() tea.Cmd) tea.Cmd {
	if p.busy != "" {
		return p.shell.Warn(p.busy)
	}
	p.busy = what
	return p.shell.Work(kit.Ask(p.shell, run, func(said string, err error) tea.Cmd {
		p.busy = ""
		return p.done(said, err, line, then)
	}))
}

// done says what became of it.
func (p *Page) done(said string, err error, line *kit.Prompt, then func() tea.Cmd) tea.Cmd {
	switch {
	case err != nil && line != nil && p.shell.Shown(line):
		line.Fault(kit.Clean(err.Error()), -1)
		return p.load()
	case err != nil:
		return tea.Batch(p.shell.Fail(err), p.load())
	case line != nil:
		p.shell.Shut(line)
	}
	cmds := []tea.Cmd{p.load()}
	if said != "" {
		cmds = append(cmds, p.shell.Say(said))
	}
	if then != nil {
		cmds = append(cmds, then())
	}
	return tea.Batch(cmds...)
}

// change asks for the new value of the setting under the cursor: one of a few, a line, or what an editor makes of it.
func (p *Page) change() tea.Cmd {
	s := p.under()
	switch {
	case s.Block:
		return p.edit()
	case len(s.Values) > 0 && !s.List:
		var choices []kit.Choice
		now := 0
		for i, v := range s.Values {
			right := ""
			switch v {
			case s.Value:
				now, right = i, "now"
			case s.Default:
				right = "default"
			}
			choices = append(choices, kit.Choice{Text: v, Right: right, Detail: p.overrides(s), Run: func() tea.Cmd { return p.set(s, v, nil) }})
		}
		menu := kit.NewMenu(p.shell, s.Key, choices)
		menu.Move(now)
		p.shell.Show(menu)
	default:
		value, hint := s.Value, kit.Clean(p.overrides(s))
		if s.List {
			value, hint = strings.TrimPrefix(value, "(none)"), "commas between the entries. "+hint
		}
		pr := kit.NewPrompt(p.shell, s.Key, value)
		pr.Hint = hint
		pr.Try = func(typed string) tea.Cmd { return p.set(s, typed, pr) } // it stays until that is saved: a mistake is marked there
		p.shell.Show(pr)
	}
	return nil
}

// overrides warns where something else decides the value.
func (p *Page) overrides(s Setting) string {
	if strings.HasPrefix(s.Origin, "environment ") || strings.HasPrefix(s.Origin, ".env ") {
		return s.Origin + " overrides what is saved here"
	}
	return s.About
}

// set saves a value, typed in a line if that is not nil.
func (p *Page) set(s Setting, value string, line *kit.Prompt) tea.Cmd {
	set := p.cfg.Set
	return p.do("saving "+s.Key, func(ctx context.Context) (string, error) { return set(ctx, s.Key, value) }, line, nil)
}

// askUnset asks before a value is lost.
func (p *Page) askUnset() tea.Cmd {
	s, unset := p.under(), p.cfg.Unset
	becomes := "Its default is " + s.Default + "."
	if s.Default == "" || s.Default == "(none)" {
		becomes = "It has no value by default."
	}
	return p.shell.Show(&kit.Confirm{Shell: p.shell, Head: "Back to the default", Yes: "y", Verb: "remove it", Lines: []string{"Remove " + s.Key + ": " + s.Value + " from hookctl.yaml?", becomes}, Run: func() tea.Cmd {
		return p.do("saving "+s.Key, func(ctx context.Context) (string, error) { return unset(ctx, s.Key) }, nil, nil)
	}})
}

// check asks the sink under the cursor.
func (p *Page) check() tea.Cmd {
	i, check := p.sink(), p.cfg.Check
	return p.do("checking the sink", func(ctx context.Context) (string, error) { return check(ctx, i) }, nil, nil)
}

// test sends a sample, and shows what became of it.
func (p *Page) test() tea.Cmd {
	test := p.cfg.Test
	return p.do("sending a test notification", func(ctx context.Context) (string, error) {
		return "the sample was sent; its row shows whether it was notified", test(ctx)
	}, nil, func() tea.Cmd { return p.shell.GoTo(kit.PageEvents, kit.Filtered("source:test")) })
}

// edit hands the terminal to an editor.
func (p *Page) edit() tea.Cmd {
	key, edit, ctx := p.under().Key, p.cfg.Edit, p.shell.Ctx
	var said string
	return tea.Exec(program(func() (err error) {
		said, err = edit(ctx, key)
		return err
	}), func(err error) tea.Msg {
		return kit.Ask(p.shell, func(context.Context) (string, error) { return said, err }, func(said string, err error) tea.Cmd { return p.done(said, err, nil, nil) })()
	})
}

// program is a function that has the terminal while it runs.
type program func() error

// Run implements tea.ExecCommand.
func (f program) Run() error { return f() }

// SetStdin implements tea.ExecCommand; the function uses the process's own.
func (f program) SetStdin(io.Reader) {}

// SetStdout implements tea.ExecCommand, likewise.
func (f program) SetStdout(io.Writer) {}

// SetStderr implements tea.ExecCommand, likewise.
func (f program) SetStderr(io.Writer) {}

// openFind lets words be typed; the list answers as they are.
func (p *Page) openFind() tea.Cmd {
	under := p.under().Key
	return p.shell.Find(p.find, "words of a setting: sinks url, environment, tunnel", "no setting has all of these words", func(words string) int {
		p.find, p.At, p.Top = words, 0, 0
		if p.rows = nil; words == "" {
			p.want = under
		}
		p.list()
		return len(p.rows)
	})
}

// Offer is what the palette has of the settings: the page, and each of them.
func (p *Page) Offer() []kit.Choice {
	to := func(key string) func() tea.Cmd {
		return func() tea.Cmd { return p.shell.GoTo(kit.PageSettings, kit.Settings{Name: key}) }
	}
	out := []kit.Choice{{Text: "Settings (hookctl config)", Detail: "hookctl config", Run: to("")}}
	for _, s := range p.all {
		out = append(out, kit.Choice{Text: kit.Clean(fmt.Sprintf("setting %s: %s", s.Key, s.Value)), Right: kit.Clean(s.Origin), Detail: kit.Clean(s.About), Run: to(s.Key)})
	}
	return out
}
