package kit

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// tap remembers the last click, to know a double one.
type tap struct {
	x, y int
	at   time.Time
}

const doubleClick = 400 * time.Millisecond

type (
	// Wheel is a turn of the mouse wheel over a page: lines, down positive.
	Wheel struct{ Lines, X, Y int }
	// Click is a press of the left button, x and y inside the page.
	Click struct {
		X, Y   int
		Double bool
	}
)

// pointer gives clicks and wheel to what is under them.
func (s *Shell) pointer(msg tea.Msg) tea.Cmd {
	head, _ := s.chrome()
	var m tea.Mouse
	switch msg := msg.(type) {
	case tea.MouseWheelMsg:
		m = msg.Mouse()
		lines := 3
		switch m.Button {
		case tea.MouseWheelUp:
			lines = -3
		case tea.MouseWheelDown:
		default:
			return nil
		}
		if o := s.Top(); o != nil {
			return o.Update(Wheel{lines, m.X, m.Y})
		}
		return s.Pages[s.At].Update(Wheel{lines, m.X, m.Y - head})
	case tea.MouseClickMsg:
		m = msg.Mouse()
	}
	if m.Button != tea.MouseLeft {
		return nil
	}
	now := s.Now()
	double := s.lastTap.x == m.X && s.lastTap.y == m.Y && now.Sub(s.lastTap.at) < doubleClick
	s.lastTap = tap{m.X, m.Y, now}
	if double {
		s.lastTap.at = time.Time{}
	}
	if o := s.Top(); o != nil {
		_, x, y := s.place(o)
		return o.Update(Click{m.X - x - 1, m.Y - y - 1, double})
	}
	if m.Y < head {
		if i, ok := s.tabAt(m.X); ok && m.Y == 0 {
			return s.Turn(i)
		}
		return nil
	}
	return s.Pages[s.At].Update(Click{m.X, m.Y - head, double})
}

// tabAt says which tab is drawn at column x.
func (s *Shell) tabAt(x int) (int, bool) {
	at := 0
	if s.W >= 100 {
		at = len(" hookctl")
	}
	for i, p := range s.Pages {
		n := len("1 ") + len(p.Name())
		if s.W < 60 && i != s.At {
			n = 1
		}
		at += 2
		if x >= at && x < at+n {
			return i, true
		}
		at += n
	}
	return 0, false
}
