package wizard

import (
	"context"
	"strings"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// The choices of the notifications step.
const (
	notifyAgent = iota // through AI Maestro, to the agent that is typed
	notifyNobody
)

// defaultSink is where AI Maestro answers by default.
const defaultSink = "http://127.0.0.1:23000"

// probeWait bounds the question to a sink.
const probeWait = 5 * time.Second

// notifyStep chooses who is notified of what matters.
type notifyStep struct {
	w      *Wizard
	at     int
	sink   string
	input  textinput.Model
	busy   bool
	asked  string           // the agent that the answers are about
	answer map[string]error // by agent; nil says that it is there
}

type sinkProbed struct {
	of    *Wizard
	agent string
	err   error
}

func newNotifyStep(w *Wizard) *notifyStep {
	d := w.cfg.Setup
	s := &notifyStep{w: w, sink: d.Sink, input: kit.NewInput(d.Agent), answer: map[string]error{}}
	s.input.Placeholder = "the agent's name"
	if s.sink == "" {
		s.sink = defaultSink
		if d.SaveSink != nil && d.Agent == "" {
			s.at = notifyNobody
		}
	}
	return s
}

func (s *notifyStep) agent() string { return strings.TrimSpace(s.input.Value()) }

func (s *notifyStep) name() string { return "Notify" }

func (s *notifyStep) open() tea.Cmd { return s.probe() }

// probe asks the sink about the agent, unless it has answered already.
func (s *notifyStep) probe() tea.Cmd {
	agent, ask := s.agent(), s.w.cfg.Setup.Probe
	if _, known := s.answer[agent]; known || ask == nil || agent == "" || s.at != notifyAgent || s.busy && s.asked == agent {
		return nil
	}
	s.busy, s.asked = true, agent
	w, ctx, sink := s.w, s.w.shell.Ctx, s.sink
	return func() tea.Msg {
		ctx, stop := context.WithTimeout(ctx, probeWait)
		defer stop()
		return sinkProbed{w, agent, ask(ctx, sink, agent)}
	}
}

func (s *notifyStep) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case sinkProbed:
		if msg.of == s.w {
			s.answer[msg.agent] = msg.err
			if s.asked == msg.agent {
				s.busy = false
			}
		}
	case tea.KeyPressMsg, tea.PasteMsg:
		before := s.input.Value()
		var cmd tea.Cmd
		s.input, cmd = s.input.Update(msg)
		if s.input.Value() != before {
			s.at = notifyAgent
		}
		return cmd
	case kit.Wheel:
		s.move(msg.Lines)
	}
	return nil
}

func (s *notifyStep) move(by int) { s.at = max(notifyAgent, min(notifyNobody, s.at+by)) }

func (s *notifyStep) next() (bool, tea.Cmd) {
	if s.at == notifyNobody {
		return true, nil
	}
	if s.agent() == "" {
		return false, s.w.shell.Warn("type the agent's name, or choose nobody with the arrow down")
	}
	if cmd := s.probe(); cmd != nil {
		return false, cmd
	}
	return !s.busy, nil
}

// chosen is the sink and its agent, both empty for nobody.
func (s *notifyStep) chosen() (sink, agent string) {
	if s.at == notifyNobody {
		return "", ""
	}
	return s.sink, s.agent()
}

func (s *notifyStep) label() string {
	switch err, known := s.answer[s.agent()]; {
	case s.at == notifyAgent && s.busy:
		return "wait"
	case s.at == notifyAgent && known && err != nil:
		return "continue anyway"
	case s.at == notifyAgent && !known && s.w.cfg.Setup.Probe != nil:
		return "ask for the agent"
	}
	return "continue"
}

func (s *notifyStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	out := s.w.intro("Who is notified of what matters: a failed run, a new or merged pull request, a blocked issue? Everything is recorded either way.",
		"Who is notified of what matters?", w, h)
	const lead = "AI Maestro, agent: "
	s.input.SetWidth(max(1, min(40, w-7-len(lead))))
	row := func(i int, text string) string {
		if i == s.at {
			return t.Key.Render(t.Sym.Cursor) + "(x) " + text
		}
		return " ( ) " + text
	}
	var caret *tea.Cursor
	if c := kit.CaretOf(s.input); c != nil && s.at == notifyAgent {
		c.X += 5 + len(lead)
		c.Y = len(out)
		caret = c
	}
	out = append(out, row(notifyAgent, lead+s.input.View()), t.Faint.Render(t.Cut("       at "+text.Clean(s.sink), w)), row(notifyNobody, "nobody, only record"), "")
	err, known := s.answer[s.agent()]
	switch {
	case s.at == notifyNobody:
		out = append(out, t.Faint.Render(t.Cut(" hookctl setup, or this wizard, switches notifications on later.", w)))
	case s.busy:
		out = append(out, s.w.doing("asking AI Maestro for "+text.Clean(s.asked)))
	case known && err == nil:
		out = append(out, s.w.good("AI Maestro is there and knows "+text.Clean(s.agent()), w)...)
	case known:
		out = append(out, s.w.warning(err.Error(), w)...)
		if cure := s.w.shell.Cure(err); cure != "" {
			out = append(out, kit.CureLines(cure, w)...)
		}
		if h < 12 {
			break // the footer says what enter does
		}
		out = append(out, kit.Paragraph(t.Key.Render("enter")+" goes on anyway, and notifications wait for it; choose nobody if you do not use AI Maestro.", w)...)
	}
	if more := kit.Paragraph("Reviews, commit statuses and chat services are settings: notify_also and sinks, see hookctl config edit.", w); len(out)+len(more) < h {
		out = append(out, "")
		for _, line := range more {
			out = append(out, t.Faint.Render(line))
		}
	}
	return out, caret
}

func (s *notifyStep) actions() []kit.Action {
	return append(kit.Arrows("wizard", "choose", 1, func(by int) tea.Cmd { s.move(by); return s.probe() }),
		kit.Action{ID: "wizard.probe", Keys: []string{"ctrl+r"}, Label: "ask again", Text: "Ask AI Maestro for the agent again.", Command: "hookctl doctor", Run: func() tea.Cmd { delete(s.answer, s.agent()); return s.probe() }})
}
