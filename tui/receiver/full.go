package receiver

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/tui/kit"
)

// openFull shows in a box, wrapped and to their ends, the lines that the page
// cuts at the edge of the window.
func (p *Page) openFull() tea.Cmd {
	m := &kit.Message{Shell: p.shell, Head: []string{"Log", "Rejected requests"}[p.see], Lines: p.inFull()}
	if p.see == viewLog {
		m.Pos.At = kit.Far // the newest line is the last
	}
	p.shell.Show(m)
	return nil
}

// inFull are the lines that are on screen.
func (p *Page) inFull() []string {
	var out []string
	switch p.see {
	case viewRejected:
		for i := len(p.rejected) - 1 - p.at; i >= 0 && len(out) < 3*p.high; i-- {
			r := p.rejected[i]
			out = append(out, kit.Clock(r.Time, p.shell.Now())+" "+whyRejected(r)+", from "+r.Address)
			if what := strings.TrimSpace(r.Event + " " + r.DeliveryID); what != "" {
				out = append(out, "  "+what)
			}
			if len(r.Fingerprints) > 0 {
				out = append(out, "  tried "+strings.Join(r.Fingerprints, ", "))
			}
		}
	default:
		lines := p.kept(p.lines)
		end := max(0, len(lines)-p.at)
		for _, l := range lines[max(0, end-p.high):end] {
			at := ""
			if !l.at.IsZero() {
				at = l.at.Local().Format("15:04:05") + " "
			}
			out = append(out, at+strings.TrimSpace(l.level+" "+l.text))
		}
	}
	return out
}
