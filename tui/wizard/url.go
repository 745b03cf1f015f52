package wizard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"hookctl/hooks"
	"hookctl/hooks/tunnel"
	"hookctl/tui/kit"
)

// tunnelsEvery is how often tunnels are looked for while the step is on screen.
const tunnelsEvery = 3 * time.Second

// urlStep chooses the public address: a tunnel that was found, the one of the
// settings, or what is typed.
type urlStep struct {
	plain
	offers  []tunnel.Offer
	input   textinput.Model
	at      int // an offer; len(offers) is the typed one
	top     int // line of the first offer in the last view
	touched bool
	looking bool // or about to
	looked  bool
	allowed string           // the address that was chosen although GitHub cannot reach it
	failed  error            // why no ping arrived at the address that was used, until another one is
	tested  map[string]error // what was seen at an address, nil where it leads here
}

func newURLStep(w *Wizard) *urlStep {
	s := &urlStep{plain: plain{w: w}, input: kit.NewInput(w.shell.Theme, ""), tested: map[string]error{}}
	s.input.Placeholder = "type a URL"
	s.offers = tunnel.Offers(nil, nil, "", w.cfg.Setup.URL, false)
	return s
}

// hookURL completes what a person types to the address of a hook; what cannot
// be one stays as it is.
func hookURL(text string) string {
	if address, err := hooks.HookURL(text, ""); err == nil {
		return address
	}
	return strings.TrimSpace(text)
}

// chosen is the offer that is marked, or what is typed as one.
func (s *urlStep) chosen() tunnel.Offer {
	if s.at < len(s.offers) {
		return s.offers[s.at]
	}
	return tunnel.Offer{URL: hookURL(s.input.Value())}
}

// url is the chosen address, "" as long as none exists.
func (s *urlStep) url() string { return s.chosen().URL }

// run is the kind of tunnel that the receiver is to run, "" for none.
func (s *urlStep) run() string { return s.chosen().Run }

// relay reports whether deliveries are to come through GitHub's relay.
func (s *urlStep) relay() bool { return s.chosen().Relay }

// runs reports whether an address or a tunnel is offered.
func (s *urlStep) runs() bool {
	return slices.ContainsFunc(s.offers, func(o tunnel.Offer) bool { return !o.Relay })
}

// aboutRelay is what there is to know of GitHub's relay.
const aboutRelay = "For development: GitHub sends over a connection that hookctl opens, one for each repository. It ends when you leave hookctl, and its hooks are removed then."

// opened takes the address of the tunnel that the receiver runs.
func (s *urlStep) opened(kind, address string) {
	s.offers = slices.DeleteFunc(s.offers, func(o tunnel.Offer) bool { return o.Run == kind })
	s.offers = append([]tunnel.Offer{{URL: hookURL(address), From: kind + ", run by the receiver"}}, s.offers...)
	s.at, s.touched = 0, true
}

// choose takes an address, as one of the offers or as typed.
func (s *urlStep) choose(address string) {
	for i, o := range s.offers {
		if o.URL != "" && hooks.SameURL(o.URL, address) {
			s.at = i
			return
		}
	}
	s.at = len(s.offers)
	s.input.SetValue(address)
	s.input.CursorEnd()
}

// check refuses a chosen address that GitHub cannot send to, before anything
// is created, and warns of one that nobody should use.
func (s *urlStep) check() (warning string, err error) {
	address := s.url()
	switch {
	case s.relay():
		return "", nil
	case address == "":
		return "", errors.New("type the URL, or start a tunnel: it shows up here by itself")
	}
	warning, err = hooks.CheckPublic(address, s.w.host())
	if errors.Is(err, hooks.ErrNotPublic) && s.anyway() {
		return err.Error() + "; you chose it anyway", nil
	}
	return warning, err
}

// anyway reports whether the chosen address is one that the user insisted on.
func (s *urlStep) anyway() bool { return s.allowed != "" && s.allowed == s.url() }

// insist goes on with an address that was refused.
func (s *urlStep) insist() tea.Cmd {
	s.allowed, s.err = s.url(), nil
	return s.w.next()
}

func (s *urlStep) open() tea.Cmd { return s.look() }

// look asks the tunnels of this machine for addresses.
func (s *urlStep) look() tea.Cmd {
	if s.looking {
		return nil
	}
	s.looking = true
	port, d := s.port(), s.w.cfg.Setup
	var can []string
	return kit.Ask(s.w.shell, func(ctx context.Context) ([]tunnel.Tunnel, error) {
		if d.RunTunnel != nil {
			can = tunnel.Programs()
		}
		return d.Tunnels.Find(ctx, port)
	}, func(open []tunnel.Tunnel, _ error) tea.Cmd { return s.found(open, can) })
}

// found takes up the tunnels that run and the kinds that can, and looks again after a while.
func (s *urlStep) found(open []tunnel.Tunnel, can []string) tea.Cmd {
	s.looked = true
	s.offer(open, can)
	if s.looking = s.w.on(stepURL); !s.looking {
		return nil
	}
	return s.w.shell.After(tunnelsEvery, kit.Try(s.w.shell, func(context.Context) error { return nil }, func(error) tea.Cmd {
		if s.looking = false; s.w.on(stepURL) {
			return s.look()
		}
		return nil
	}))
}

// port is where the receiver listens, or will.
func (s *urlStep) port() int {
	_, listens, _ := net.SplitHostPort(s.w.cfg.Receiver.Value.Address)
	if n, _ := strconv.Atoi(listens); n > 0 && s.w.cfg.Receiver.OK() {
		return n
	}
	return s.w.cfg.Setup.Port
}

func (s *urlStep) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg:
		changed, cmd := kit.TypeInto(&s.input, msg)
		if changed {
			s.at, s.touched, s.err = len(s.offers), true, nil
		}
		return cmd
	case kit.Wheel:
		s.move(msg.Lines)
	case kit.Click:
		if i := msg.Y - s.top; i >= 0 && i <= len(s.offers) {
			s.move(i - s.at)
		}
	}
	return nil
}

// offer merges what was found into the list and keeps the choice.
func (s *urlStep) offer(list []tunnel.Tunnel, can []string) {
	was, typed := s.chosen(), s.at == len(s.offers)
	orgs := slices.ContainsFunc(s.w.targets(), hooks.Target.IsOrg) // the relay is for repositories
	offers := tunnel.Offers(list, can, s.w.host(), s.w.cfg.Setup.URL, s.w.cfg.Setup.Relayed != nil && !orgs)
	s.offers = offers
	switch i := slices.IndexFunc(offers, func(o tunnel.Offer) bool { return was.Run != "" && o.Run == was.Run || was.Relay && o.Relay }); {
	case s.touched && typed: // what is being typed stays as it is
		s.at = len(offers)
	case i >= 0 && s.touched:
		s.at = i
	case !s.touched && strings.TrimSpace(s.input.Value()) == "":
		s.at = 0 // a tunnel that runs is the best guess
	default:
		s.choose(was.URL)
	}
}

func (s *urlStep) move(by int) tea.Cmd {
	s.at = max(0, min(len(s.offers), s.at+by))
	s.touched, s.err = true, nil
	return nil
}

// next checks the address, and tests it where a receiver runs that can answer.
func (s *urlStep) next() (bool, tea.Cmd) {
	address := s.url()
	if s.run() != "" || s.relay() { // the address is known once the receiver runs it, or there is none
		s.touched = true
		return true, nil
	}
	if _, s.err = s.check(); s.err != nil {
		return false, nil
	}
	s.touched = true
	if _, done := s.tested[address]; done || s.again() || !s.w.cfg.Receiver.OK() {
		return true, nil
	}
	return false, s.test(address)
}

// broken asks for another address: no ping arrived at the one that was used, and
// hooks that were created for it are updated.
func (s *urlStep) broken(address string, why error) tea.Cmd {
	s.failed, s.err = why, nil
	s.choose(address)
	s.touched = true
	return s.look()
}

// again reports whether the chosen address is still the one that no ping arrived at.
func (s *urlStep) again() bool { return s.failed != nil && s.url() == s.w.review.plan.URL }

// test asks the address for this receiver.
func (s *urlStep) test(address string) tea.Cmd {
	s.busy = "asking " + address + " for this receiver"
	cfg, local := s.w.cfg, s.w.cfg.Receiver.Value.Address
	return kit.Try(s.w.shell, func(ctx context.Context) error { return cfg.reach(ctx, address, local) }, func(err error) tea.Cmd { return s.took(address, err) })
}

// took takes up what was seen at an address, and goes on where that is the receiver.
func (s *urlStep) took(address string, err error) tea.Cmd {
	s.tested[address], s.busy = err, ""
	if err == nil && (s.w.on(stepURL) && address == s.url() || s.w.on(stepReceiver) && s.w.receiver.done) {
		return s.w.forward()
	}
	return nil
}

func (s *urlStep) label() string {
	switch {
	case s.again():
		return "try again"
	case s.tested[s.url()] != nil:
		return "continue anyway"
	}
	return "continue"
}

func (s *urlStep) view(w, h int) ([]string, *tea.Cursor) {
	t := s.w.shell.Theme
	out := s.w.intro("At which public URL does GitHub reach this machine? Usually it is a tunnel or a reverse proxy that leads to port "+fmt.Sprint(s.port())+".",
		"A public URL that leads to port "+fmt.Sprint(s.port()), w, h)
	s.top = len(out)
	for i, o := range s.offers {
		what, about := o.Words()
		room := max(0, w-6)
		about = t.Cut(about, max(0, room-kit.Width(what)-2))
		if kit.Width(about) < 4 {
			about = ""
		}
		what = t.Cut(what, room)
		if i == s.at {
			out = append(out, t.Selected.Render(kit.FitLine(t.Sym.Cursor+"(x) "+what+"  "+about, w)))
		} else {
			out = append(out, " ( ) "+what+"  "+t.Faint.Render(about))
		}
	}
	const lead = "another: "
	s.input.SetWidth(max(1, w-7-len(lead)))
	typed, mark := len(s.offers), " ( ) "
	var caret *tea.Cursor
	if s.at == typed {
		mark, caret = t.Key.Render(t.Sym.Cursor)+"(x) ", kit.CaretOf(s.input, 5+len(lead), len(out))
	}
	out = append(out, mark+lead+s.input.View())
	if full := s.url(); s.at == typed && s.err == nil && full != "" && full != strings.TrimSpace(s.input.Value()) {
		out = append(out, t.Faint.Render(t.Cut("       that is "+full, w)))
	}
	out = append(out, "")
	answer, known := s.tested[s.url()]
	warning, _ := s.check() // what is refused is said after enter
	if warning != "" && s.err == nil {
		out = append(out, s.w.warning(warning, w)...)
	}
	switch {
	case s.err != nil:
		out = append(out, s.w.trouble(s.err, w)...)
		if errors.Is(s.err, hooks.ErrNotPublic) {
			out = append(out, kit.Paragraph("Nothing was created. "+t.Key.Render(kit.KeyName("ctrl+g", t.Ascii))+" uses it anyway.", w)...)
		}
	case s.busy != "":
		out = append(out, s.w.doing(s.busy))
	case s.again():
		if h >= 12 {
			out = append(out, s.w.warning("No signed ping arrived at "+s.url()+".", w)...)
		}
		out = append(out, s.w.trouble(s.failed, w)...)
		out = append(out, kit.Paragraph("Choose or type the right URL: the hooks that were created are updated.", w)...)
	case known:
		if out = append(out, s.seen(w)...); answer != nil {
			out = append(out, kit.Paragraph("GitHub may see what this machine cannot; the ping at the end is the proof. "+t.Key.Render("enter")+" goes on anyway.", w)...)
		}
	case s.run() != "":
		out = append(out, kit.Paragraph("The address is known when the receiver has started, and the hooks follow when it changes.", w)...)
	case s.relay() && (h < 12 || s.runs()):
		out = append(out, kit.Paragraph(aboutRelay, w)...)
	case s.relay():
		out = append(append(out, kit.Paragraph(aboutRelay, w)...), "")
		out = append(out, kit.Paragraph(tunnel.About, w)...)
	case s.looking && !s.looked:
		out = append(out, s.w.doing("looking for tunnels"))
	case s.looked && !s.runs():
		out = append(out, kit.Paragraph("No tunnel runs here. "+tunnel.About+" One that is started shows up here by itself.", w)...)
	case !s.w.cfg.Receiver.OK():
		for _, l := range kit.Folded("The URL is tested once the receiver runs.", max(1, w-2)) {
			out = append(out, " "+t.Faint.Render(l))
		}
	}
	return out, caret
}

func (s *urlStep) actions() []kit.Action {
	test := kit.Action{ID: "wizard.test", Keys: []string{"ctrl+r"}, Label: "test", Text: "Ask the URL whether this receiver answers there.", Command: "hookctl doctor", Run: func() tea.Cmd { return s.test(s.url()) }}
	switch {
	case !s.w.cfg.Receiver.OK():
		test.Off = "the receiver is not running yet; the URL is tested when it is"
	case s.run() != "":
		test.Off = "the address is known once the receiver runs the tunnel"
	case s.relay():
		test.Off = "the relay has no URL"
	case s.url() == "" || s.err != nil:
		test.Off = "there is no URL to test"
	}
	insist := kit.Action{ID: "wizard.anyway", Keys: []string{"ctrl+g"}, Text: "Use a URL that GitHub cannot reach from outside.", Command: s.w.command() + " --allow-unreachable", Off: "the URL was not refused", Run: s.insist}
	if errors.Is(s.err, hooks.ErrNotPublic) {
		insist.Label, insist.Off = "use anyway", ""
	}
	moves := kit.Arrows("wizard", "choose", len(s.offers), s.move)
	return append(append([]kit.Action{insist}, moves...), test)
}
