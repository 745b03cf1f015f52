package kit

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// toast is a message drawn beside the key hints for a few seconds. A newer one
// replaces it.
type toast struct {
	Text  string
	level string
	ID    int
}

// How serious a toast or a row is, as the doctor's checks are.
const (
	LevelInfo  = "ok"
	LevelWarn  = "warn"
	LevelError = "fail"
	levelNote  = "note" // of a toast only: neither good nor bad
)

// ToastOver is sent when a toast has been shown long enough; it names the toast.
type ToastOver int

func (t *toast) view(th *Theme, w int) string {
	if t.Text == "" {
		return ""
	}
	if t.level == levelNote {
		return " " + th.Faint.Render(th.Cut(t.Text, w-2)) + " "
	}
	mark, style := th.Sign(t.level)
	return " " + style.Render(mark) + " " + th.Cut(t.Text, w-4) + " "
}

// Put shows a toast of a level for a while.
func (s *Shell) Put(level, words string, stay time.Duration) tea.Cmd {
	s.Toast.ID++
	s.Toast.Text, s.Toast.level = Clean(words), level
	return s.Later(stay, ToastOver(s.Toast.ID))
}

// Say shows a good outcome.
func (s *Shell) Say(text string) tea.Cmd { return s.Put(LevelInfo, text, 4*time.Second) }

// Warn says why something does not happen.
func (s *Shell) Warn(text string) tea.Cmd { return s.Put(LevelWarn, text, 5*time.Second) }

// Note says what is neither good nor bad.
func (s *Shell) Note(text string) tea.Cmd { return s.Put(levelNote, text, 3*time.Second) }
