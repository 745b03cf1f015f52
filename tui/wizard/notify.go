package wizard

import (
	"context"
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/server/fleet"
	"hookctl/tui/kit"
)

// The first rows of the notifications step; the entries of notify_also follow.
const (
	notifyAgent = iota // through AI Maestro, to the agent that is typed
	notifyChat         // through the URL that is typed
	notifyAlso
)

// notifyStep chooses who is notified of what matters, and of what else.
type notifyStep struct {
	plain
	at     int             // the row
	on     []bool          // by row
	input  textinput.Model // the agent
	chat   textinput.Model // the URL of the chat, which is not shown
	top    int             // line of the first row in the last view
	asking bool
	asked  string           // what the answers are about
	answer map[string]error // by agent or URL; nil says that it is there
}

func newNotifyStep(w *Wizard) *notifyStep {
	d := w.cfg.Setup
	s := &notifyStep{plain: plain{w: w}, input: kit.NewInput(w.shell.Theme, d.Agent), chat: kit.NewInput(w.shell.Theme, ""), answer: map[string]error{}}
	s.input.Placeholder = "the agent's name"
	s.chat.EchoMode, s.chat.EchoCharacter = textinput.EchoPassword, '*'
	s.chat.Placeholder = "its URL, as ntfy://ntfy.sh/topic"
	if d.Chat {
		s.chat.Placeholder = "its URL is stored in .env"
	}
	s.on = []bool{d.Agent != "", d.Chat}
	for _, c := range fleet.AlsoChoices() {
		s.on = append(s.on, slices.Contains(d.Also, c.Value))
	}
	return s
}

func (s *notifyStep) agent() string { return strings.TrimSpace(s.input.Value()) }

func (s *notifyStep) open() tea.Cmd { return s.probe() }

// probe asks the sink about the agent, or whether the URL of a chat is one,
// unless that is known.
func (s *notifyStep) probe() tea.Cmd {
	agent, url, d := s.agent(), strings.TrimSpace(s.chat.Value()), s.w.cfg.Setup
	ask := func(what string, probe func(ctx context.Context) error) tea.Cmd {
		s.asking, s.asked = true, what
		return kit.Try(s.w.shell, probe, func(err error) tea.Cmd {
			s.answer[what], s.asking = err, s.asking && s.asked != what
			return nil
		})
	}
	open := func(what string) bool {
		_, known := s.answer[what]
		return what != "" && !known && (!s.asking || s.asked != what)
	}
	switch {
	case s.on[notifyAgent] && d.Probe != nil && open(agent):
		return ask(agent, func(ctx context.Context) error { return d.Probe(ctx, d.Sink, agent) })
	case s.on[notifyChat] && d.ProbeChat != nil && open(url):
		return ask(url, func(ctx context.Context) error { return d.ProbeChat(ctx, url) })
	}
	return nil
}

func (s *notifyStep) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg:
		line := map[int]*textinput.Model{notifyAgent: &s.input, notifyChat: &s.chat}[s.at]
		if line == nil {
			return nil
		}
		changed, cmd := kit.TypeInto(line, msg)
		s.on[s.at] = s.on[s.at] || changed
		return cmd
	case kit.Wheel:
		return s.move(msg.Lines)
	case kit.Click:
		if row := s.rowAt(msg.Y - s.top); row >= 0 {
			s.at = row
			return s.toggle()
		}
	}
	return nil
}

// rowAt is the row of a line of the list, -1 for none: that of the agent has two.
func (s *notifyStep) rowAt(line int) int {
	switch {
	case line < 0 || line > len(s.on):
		return -1
	case line <= 1:
		return notifyAgent
	}
	return line - 1
}

func (s *notifyStep) toggle() tea.Cmd {
	s.on[s.at] = !s.on[s.at]
	return s.probe()
}

func (s *notifyStep) move(by int) tea.Cmd {
	s.at = max(0, min(len(s.on)-1, s.at+by))
	return nil
}

func (s *notifyStep) next() (bool, tea.Cmd) {
	url := strings.TrimSpace(s.chat.Value())
	switch {
	case s.on[notifyAgent] && s.agent() == "":
		s.at = notifyAgent
		return false, s.w.shell.Warn("type the agent's name, or switch it off with space")
	case s.on[notifyChat] && url == "" && !s.w.cfg.Setup.Chat:
		s.at = notifyChat
		return false, s.w.shell.Warn("type the URL of the chat, or switch it off with space")
	}
	if cmd := s.probe(); cmd != nil {
		return false, cmd
	}
	if s.on[notifyChat] && url != "" && s.answer[url] != nil { // it would be refused when it is saved
		s.at = notifyChat
		return false, nil
	}
	return !s.asking, nil
}

// chosen is who is to be notified.
func (s *notifyStep) chosen() fleet.Notify {
	n := fleet.Notify{Chat: s.on[notifyChat]}
	if s.on[notifyAgent] {
		n.Sink, n.Agent = s.w.cfg.Setup.Sink, s.agent()
	}
	if n.Chat {
		n.ChatURL = strings.TrimSpace(s.chat.Value())
	}
	for i, c := range fleet.AlsoChoices() {
		if s.on[notifyAlso+i] {
			n.Also = append(n.Also, c.Value)
		}
	}
	return n
}

func (s *notifyStep) label() string {
	switch err, known := s.answer[s.agent()]; {
	case s.asking:
		return "wait"
	case s.on[notifyAgent] && known && err != nil:
		return "continue anyway"
	case s.on[notifyAgent] && !known && s.w.cfg.Setup.Probe != nil:
		return "ask for the agent"
	}
	return "continue"
}

func (s *notifyStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	out := s.w.intro("Who is notified of what matters: a failed run, a new or merged pull request, a blocked issue? Everything is recorded either way.",
		"Who is notified of what matters?", w, h)
	s.top = len(out)
	var caret *tea.Cursor
	row := func(i int, lead string, in *textinput.Model, about string) {
		mark, box := " ", "[ ] "
		if i == s.at {
			mark = t.Key.Render(t.Sym.Cursor)
		}
		if s.on[i] {
			box = "[x] "
		}
		words := lead
		if in != nil {
			in.SetWidth(max(1, min(40, w-7-kit.Width(lead))))
			if i == s.at {
				caret = kit.CaretOf(*in, 5+kit.Width(lead), len(out))
			}
			words += in.View()
		} else if kit.Width(lead)+2+kit.Width(about) <= w-5 {
			words += "  " + t.Faint.Render(about)
		}
		out = append(out, mark+box+t.Cut(words, max(1, w-5)))
	}
	agent, people := "an agent of AI Maestro: ", "people in a chat: "
	if w < 60 {
		agent, people = "agent: ", "chat: "
	}
	row(notifyAgent, agent, &s.input, "")
	out = append(out, t.Faint.Render(t.Cut("       at "+text.Clean(s.w.cfg.Setup.Sink), w)))
	row(notifyChat, people, &s.chat, "")
	for i, c := range fleet.AlsoChoices() {
		row(notifyAlso+i, "also of "+c.Label, nil, c.About)
	}
	out = append(out, s.said(w, h)...)
	if s.w.cfg.Setup.Trust && s.on[notifyAgent] && h >= 12 {
		out = append(append(out, ""), kit.Paragraph(t.Faint.Render(fleet.AboutTrust), w)...)
	}
	return out, caret
}

// said is what there is to say about the choice.
func (s *notifyStep) said(w, h int) []string {
	t := s.w.shell.Theme
	out := []string{}
	if h >= 12 {
		out = append(out, "")
	}
	url := strings.TrimSpace(s.chat.Value())
	err, known := s.answer[s.agent()]
	switch chat := s.answer[url]; {
	case s.asking && s.asked == url:
		return append(out, s.w.doing("looking at the URL of the chat"))
	case s.asking:
		return append(out, s.w.doing("asking AI Maestro for "+text.Clean(s.asked)))
	case s.on[notifyChat] && url != "" && chat != nil:
		return append(out, s.w.trouble(chat, w)...)
	case s.at == notifyChat && h >= 12:
		return append(out, kit.Paragraph("Slack, Discord, Teams, Telegram, ntfy, Matrix, mail and more: https://shoutrrr.nickfedor.com/services shows the URL of each. It goes into .env and is never shown.", w)...)
	case s.chosen().Nobody():
		return append(out, kit.Paragraph("Nobody is notified: what happens is only recorded. "+t.Key.Render("space")+" switches a line on.", w)...)
	case !s.on[notifyAgent] || !known:
		return out
	case err == nil:
		return append(out, s.w.good("AI Maestro is there and knows "+text.Clean(s.agent()), w)...)
	}
	out = append(out, s.w.warning(err.Error(), w)...)
	if cure := s.w.shell.Cure(err); cure != "" {
		out = append(out, kit.CureLines(cure, w)...)
	}
	if h < 12 {
		return out // the footer says what enter does
	}
	return append(out, kit.Paragraph(t.Key.Render("enter")+" goes on anyway, and notifications wait for it; "+t.Key.Render("space")+" switches it off if you do not use AI Maestro.", w)...)
}

func (s *notifyStep) actions() []kit.Action {
	return append(kit.Arrows("wizard", "choose", 1, s.move),
		kit.Action{ID: "wizard.switch", Keys: []string{"space"}, Label: "switch", Text: "Switch the line on or off.", Run: s.toggle},
		kit.Action{ID: "wizard.probe", Keys: []string{"ctrl+r"}, Label: "ask again", Text: "Ask AI Maestro for the agent again.", Command: "hookctl doctor", Run: func() tea.Cmd { delete(s.answer, s.agent()); return s.probe() }})
}
