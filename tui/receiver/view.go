package receiver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"hookctl/logs/text"
	"hookctl/server/daemon"
	"hookctl/tui/kit"
)

// View implements kit.Page.
func (p *Page) View(w, h int) string {
	head := p.header(w)
	p.high = max(0, h-len(head)-1)
	lines, none := p.listed(p.high)
	if len(lines) == 0 {
		lines = []string{"", " " + p.shell.Theme.Faint.Render(none)}
	}
	for i, l := range lines {
		lines[i] = p.shell.Theme.Cut(l, w)
	}
	return strings.Join(append(head, p.subTabs(), kit.Fit(strings.Join(lines, "\n"), w, p.high)), "\n")
}

// header says in two lines how the receiver is, and what to press.
func (p *Page) header(w int) []string {
	t, a := p.shell.Theme, p.cfg.Receiver
	switch {
	case p.busy != "":
		return []string{" " + t.Warn.Render(t.Sym.Pending) + " " + p.busy, ""}
	case !a.Known:
		return []string{" asking the receiver", ""}
	case errors.Is(a.Err, daemon.ErrNotRunning):
		cure := "   press " + t.Key.Render("s") + " to start it"
		if p.shell.Fresh() {
			cure = "   there is no secret yet: press " + t.Key.Render("w") + " to set everything up"
		}
		return []string{" " + t.Warn.Render(t.Sym.Off+" stopped") + "  deliveries from GitHub are refused until it runs", cure}
	case p.silent() != nil:
		return []string{t.Cut(" "+t.Bad.Render(t.Sym.Bad+" does not answer")+"  "+kit.Clean(a.Err.Error()), w), t.Cut("   press "+t.Key.Render("b")+" to replace it, or "+t.Key.Render("t")+" to stop it", w)}
	case a.Err != nil:
		return []string{" " + t.Bad.Render(t.Sym.Bad+" does not answer"), "   " + t.Cut(kit.Clean(a.Err.Error()), w-4)}
	}
	s := a.Value
	first := " " + t.Good.Render(t.Sym.Running+" running") + " on " + t.Bold.Render(kit.Clean(s.Address)) + fmt.Sprintf("  pid %d", s.PID)
	first += kit.When(!s.Since.IsZero(), "  since "+kit.Clock(s.Since, p.shell.Now())) + "  secret " + kit.Clean(s.Secret)
	switch {
	case s.Supervisor != nil:
		first += "  by " + kit.Clean(s.Supervisor.String())
	case s.Manager != "": // an older receiver, which only says this much
		first += "  by " + kit.Clean(s.Manager)
	}
	first += t.Faint.Render(kit.When(s.Version != "", "  "+kit.Clean(s.Version)))
	second := fmt.Sprintf("   since then %s received, %s refused", text.Thousands(int(s.Received)), text.Thousands(int(s.Rejected)))
	second += kit.When(s.Duplicates > 0, ", "+text.Count(int(s.Duplicates), "duplicate"))
	second += fmt.Sprintf("; %s failed, %s pending", text.Count(int(s.FailedNotifications), "notification"), text.Thousands(int(s.PendingNotifications)))
	if s.Alarm != "" {
		second = "   " + t.Bad.Render(kit.Clean(s.Alarm))
	}
	lines := []string{t.Cut(first, w), t.Cut(second, w)}
	if s.Cluster != nil {
		lines = append(lines, t.Cut("   cluster "+clusterLine(t, s.Cluster), w))
	}
	return lines
}

// catchingUp is how many deliveries a node may have to file while it is said to be like the others: a beat's worth.
const catchingUp = 1000

// clusterLine shows each node, and which one notifies.
func clusterLine(t *kit.Theme, c *daemon.Cluster) string {
	line := kit.Clean(c.Name) + "  "
	for _, m := range c.Members {
		name := kit.Clean(m.Node)
		switch {
		case !m.Up:
			line += t.Bad.Render(t.Sym.Bad+" "+name+" away") + "  "
		case m.Lag > catchingUp:
			line += t.Warn.Render(t.Sym.Pending+" "+name) + " catches up, " + text.Thousands(int(m.Lag)) + " left  " // #nosec G115 -- a count of records
		default:
			line += t.Good.Render(t.Sym.Running+" "+name) + "  "
		}
	}
	if n := c.Missing(); n > 0 {
		line += t.Bad.Render(fmt.Sprintf("%s %d missing", t.Sym.Bad, n)) + "  "
	}
	switch {
	case !c.Quorum && !c.Ready: // it has just started
		return line + t.Warn.Render("looking for the others")
	case !c.Quorum:
		return line + t.Bad.Render("no quorum")
	case !c.Ready:
		return line + t.Warn.Render("waiting for the secrets")
	case c.Notifier != "":
		line += kit.Clean(c.Notifier) + " notifies"
	default:
		line += t.Warn.Render("nobody notifies")
	}
	if c.Republishing != nil {
		line += ", " + text.Thousands(c.Republishing.Records) + " of " + text.Thousands(c.Republishing.Of) + " republished"
	}
	return line
}

func (p *Page) subTabs() string {
	t := p.shell.Theme
	out := " "
	for i, n := range p.views() {
		style := t.Faint
		if i == p.see {
			style = t.TabOn
		}
		out += style.Render(n) + "  "
	}
	if p.see == viewLog {
		state := t.Good.Render("following")
		if p.at > 0 {
			state = t.Warn.Render("paused, " + kit.KeyName("f", t.Ascii) + " follows")
		}
		out += " " + state
		if p.least > 1 {
			out += t.Faint.Render("  from " + []string{"debug", "info", "warnings", "errors"}[p.least] + " up")
		}
	}
	return out
}

// listed are the lines of the view on a screen of h lines, in full, or why nothing is listed.
func (p *Page) listed(h int) (lines []string, none string) {
	t := p.shell.Theme
	if p.see == viewRejected {
		for _, r := range p.refused(h) {
			why := r.Reason
			if r.Former != "" { // it is not forged but forgotten
				why = "signed with the former secret " + r.Former + ": a hook was not rotated"
			}
			line := " " + t.Faint.Render(kit.Clock(r.Time, p.shell.Now())) + " " + t.Bad.Render(kit.Clean(why)) + "  from " + kit.Clean(r.Address)
			line += kit.When(r.Event != "", "  "+kit.Clean(r.Event)) + kit.When(r.DeliveryID != "", "  "+t.Faint.Render(kit.Clean(r.DeliveryID))) +
				t.Faint.Render(kit.When(len(r.Fingerprints) > 0, "  tried "+kit.Clean(strings.Join(r.Fingerprints, ", "))))
			lines = append(lines, line)
		}
		return lines, "no request was refused since the receiver started"
	}
	for _, l := range p.logged(h) {
		style, level := t.Faint, l.level
		switch l.weight() {
		case 3:
			style, level = t.Bad, "ERROR"
		case 2:
			style, level = t.Warn, "WARN"
		}
		lines = append(lines, " "+t.Faint.Render(t.Cell(kit.When(!l.at.IsZero(), l.at.Local().Format(time.TimeOnly)), 8))+" "+style.Render(t.Cell(level, 5))+" "+l.text)
	}
	if p.cfg.Receiver.OK() {
		return lines, "nothing logged yet in run/receiver.log"
	}
	return lines, "no log yet: the receiver has not run in the background"
}

// logged are the lines of the log on a screen of h lines.
func (p *Page) logged(h int) []logLine {
	lines := p.kept(p.lines)
	p.at = max(0, min(p.at, len(lines)-h))
	end := len(lines) - p.at
	return lines[max(0, end-h):end]
}

// refused are the refused requests on a screen of h lines, the newest first.
func (p *Page) refused(h int) []daemon.Rejected {
	list := slices.Clone(p.rejected)
	slices.Reverse(list)
	p.at = max(0, min(p.at, len(list)-1))
	return list[p.at:min(len(list), p.at+h)]
}

// openFull shows in a box, wrapped and to their ends, the lines that the page
// cuts at the edge of the window.
func (p *Page) openFull() tea.Cmd {
	m := &kit.Message{Shell: p.shell, Head: "Rejected requests"}
	if p.see == viewLog {
		m.Head, m.Pos.At = "Log", kit.Far // the newest line is the last
	}
	lines, _ := p.listed(p.high)
	for _, l := range lines {
		m.Lines = append(m.Lines, strings.TrimSpace(ansi.Strip(l)))
	}
	return p.shell.Show(m)
}
