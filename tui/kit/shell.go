package kit

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"net/url"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
)

// Page is one tab. It draws into the room that it is given and answers
// messages; what it can do is in its actions.
type Page interface {
	Name() string
	// Open is called when the page comes to the front or is loaded again.
	// The request says what to show there; nil is nothing in particular.
	Open(request any) tea.Cmd
	Update(tea.Msg) tea.Cmd
	View(w, h int) string
	Actions() []Action
}

// overlay is a box above the page. While it is open it has the keys: those
// that none of its actions binds go to update.
type overlay interface {
	Title() string
	Update(tea.Msg) tea.Cmd
	View(w, h int) string // what is inside the frame, at most w×h
	Actions() []Action
}

// typed is an overlay with a text field.
type typed interface {
	Cursor() *tea.Cursor // relative to the inside; nil hides it
}

// Config is what the app gives the shell.
type Config struct {
	Theme   string              // "light", "dark", or "" to ask the terminal
	Ascii   bool                // draw with ASCII only
	NoMouse bool                // leave the mouse to the terminal at first
	Home    string              // the home directory as people write it, where it is not the default
	Environ string              // what stands before a command line that is to find the home from another terminal, "" for nothing
	Keys    map[string][]string // other keys by action id
	Now     func() time.Time    // time.Now when nil

	Browse func(url string) error // opens a browser
	Cure   func(error) string     // how to fix what an error says, "" where that is not known
	SetUp  func() tea.Cmd         // opens the wizard
	Fresh  func() bool            // reports whether nothing is set up yet
	Lamp   func() Lamp            // the state of the receiver
	Again  func() tea.Cmd         // what the user's reload does besides opening the page again
	Offer  func() []Choice        // what the palette has besides actions: settings, saved filters
}

// Shell is what every page knows of the interface around it: the window, the
// theme, the clock, the pages and the overlays above them, and how to show a
// message, run a job, or go to another page.
type Shell struct {
	Config
	Ctx        context.Context
	Theme      *Theme
	W, H       int // the window
	Pages      []Page
	At         int   // the page in front
	trail      []int // the pages that GoTo came through to it, for esc
	Overlays   []overlay
	trouble    *Message // the box that opened by itself, nil for none: keys that somebody is just typing are not meant for it, so it takes few
	Toast      toast
	Mouse      bool
	Focused    bool                 // the terminal has the focus, as far as is known
	Progress   *tea.ProgressBar     // shown by the terminal; nil for none
	background color.Color          // the terminal's, nil as long as it did not say
	colours    colorprofile.Profile // how many it has
	lastTap    tap
	jobs       jobs // long work that close waits for
	// Waits is what becomes of commands that wait for time or news; tests
	// leave them out.
	Waits func(tea.Cmd) tea.Cmd
}

// New makes a shell without pages. Everything that it starts ends with
// ctx.
func New(ctx context.Context, cfg Config) *Shell {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Shell{Config: cfg, Ctx: ctx, Theme: NewTheme(Unknown(cfg.Theme != "light"), colorprofile.TrueColor, cfg.Ascii), Mouse: !cfg.NoMouse, Focused: true, colours: colorprofile.TrueColor,
		Waits: func(c tea.Cmd) tea.Cmd { return c }}
}

// recolour makes the theme one for the terminal as it is known by now. A theme that the user chose against the terminal's own
// background stands.
func (s *Shell) recolour() {
	dark, ground := s.Config.Theme != "light", s.background
	if ground == nil || s.Config.Theme != "" && dark != (tea.BackgroundColorMsg{Color: ground}).IsDark() {
		ground = Unknown(dark)
	}
	*s.Theme = *NewTheme(ground, s.colours, s.Ascii)
}

// Later sends a message after a while.
func (s *Shell) Later(d time.Duration, msg tea.Msg) tea.Cmd {
	return s.After(d, func() tea.Msg { return msg })
}

// After runs a command after a while.
func (s *Shell) After(d time.Duration, cmd tea.Cmd) tea.Cmd {
	return s.Waits(tea.Tick(d, func(time.Time) tea.Msg { return cmd() }))
}

// Take takes what concerns the window, the keys, the mouse and the toast,
// and reports whether the message was such a one.
func (s *Shell) Take(msg tea.Msg) (cmd tea.Cmd, taken bool) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.W, s.H = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		s.background = msg.Color
		s.recolour()
	case tea.ColorProfileMsg:
		s.colours = msg.Profile
		s.recolour()
	case tea.FocusMsg:
		s.Focused = true
	case tea.BlurMsg:
		s.Focused = false
	case tea.KeyPressMsg:
		cmd = s.key(msg)
	case tea.PasteMsg:
		if o := s.Top(); o != nil {
			cmd = o.Update(msg)
		}
	case tea.MouseClickMsg:
		cmd = s.click(msg.Mouse())
	case tea.MouseWheelMsg:
		cmd = s.wheel(msg.Mouse())
	case tea.MouseMsg, tea.KeyReleaseMsg:
	case ToastOver:
		if int(msg) == s.Toast.ID { // no newer one stands there
			s.Toast.Text = ""
		}
	case answered:
		cmd = msg()
	default:
		return nil, false
	}
	return cmd, true
}

// Broadcast gives a message to every page and every overlay.
func (s *Shell) Broadcast(msg tea.Msg) tea.Cmd {
	cmds := make([]tea.Cmd, 0, len(s.Pages)+len(s.Overlays))
	for _, p := range s.Pages {
		cmds = append(cmds, p.Update(msg))
	}
	for _, o := range s.Overlays {
		cmds = append(cmds, o.Update(msg))
	}
	return tea.Batch(cmds...)
}

// Top is the overlay that has the keys, nil for none.
func (s *Shell) Top() overlay {
	if n := len(s.Overlays); n > 0 {
		return s.Overlays[n-1]
	}
	return nil
}

// drawn are all boxes on the screen, the topmost last.
func (s *Shell) drawn() []overlay {
	if s.trouble == nil {
		return s.Overlays
	}
	return append(slices.Clone(s.Overlays), s.trouble)
}

// Show puts an overlay on top; nothing follows from that.
func (s *Shell) Show(o overlay) tea.Cmd {
	s.Overlays = append(s.Overlays, o)
	return nil
}

// Shut closes an overlay, wherever it is in the stack.
func (s *Shell) Shut(o overlay) {
	if o == s.trouble {
		s.trouble = nil
	} else if i := slices.Index(s.Overlays, o); i >= 0 {
		s.Overlays = append(s.Overlays[:i:i], s.Overlays[i+1:]...)
	}
}

// Shown reports whether an overlay is open.
func (s *Shell) Shown(o overlay) bool { return slices.Contains(s.Overlays, o) }

// InFront reports whether a page is the one on screen.
func (s *Shell) InFront(p Page) bool { return s.At < len(s.Pages) && s.Pages[s.At] == p }

// Turn brings page i to the front.
func (s *Shell) Turn(i int) tea.Cmd {
	s.trouble, s.trail = nil, nil
	return s.front((i+len(s.Pages))%len(s.Pages), nil)
}

// front opens page i. A note, or why something did not happen, is about the page that was there.
func (s *Shell) front(i int, request any) tea.Cmd {
	if s.At = i; s.Toast.level == levelNote || s.Toast.level == LevelWarn {
		s.Toast.Text = ""
	}
	return s.Pages[i].Open(request)
}

// back is esc on a page that GoTo opened: it goes back to the one where that was asked for.
func (s *Shell) back() Action {
	to := s.trail[len(s.trail)-1]
	return Action{ID: "back", Keys: []string{"esc"}, Label: "back", Text: "Go back to " + s.Pages[to].Name() + ".", Run: func() tea.Cmd {
		rest := s.trail[:len(s.trail)-1]
		cmd := s.Turn(to)
		s.trail = rest
		return cmd
	}}
}

// GoTo brings the page of that name to the front, and has it show what the
// request says; nil for nothing in particular. There esc leads back to the page of now, unless it has something of its own to
// take away first.
func (s *Shell) GoTo(name string, request any) tea.Cmd {
	for i, p := range s.Pages {
		if p.Name() == name {
			if i != s.At {
				s.trail = append(slices.Clone(s.trail), s.At)
			}
			return s.front(i, request)
		}
	}
	return nil
}

// Trouble is an error with its cure, in lines of at most w columns.
func (s *Shell) Trouble(err error, w int) []string {
	t := s.Theme
	return append(Flagged(t.Bad, t.Sym.Bad, Clean(err.Error()), w), CureLines(s.Cure(err), w)...)
}

// Fail shows an error: as a toast when one line holds it, else in a box that
// has room for the cure.
func (s *Shell) Fail(err error) tea.Cmd {
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	cure := s.Cure(err)
	if text := err.Error(); cure == "" && Width(text) <= s.W-5 {
		return s.Put(LevelError, text, 8*time.Second)
	}
	s.trouble = &Message{Shell: s, Head: "That did not work", Lines: []string{err.Error()}, hint: cure, bad: true}
	return nil
}

// Here is a command line that finds this home from another terminal too.
func (s *Shell) Here(command string) string {
	if s.Environ == "" || !strings.HasPrefix(command, "hookctl ") {
		return command
	}
	if strings.Contains(command, "|") { // the programs behind it need it too
		return "export " + s.Environ + "; " + command
	}
	return s.Environ + " " + command
}

// Copy puts text on the clipboard through OSC 52 and says so. A command line is copied as Here has it.
func (s *Shell) Copy(what, text string) tea.Cmd {
	text = s.Here(text)
	return tea.Batch(tea.SetClipboard(text), s.Say("copied "+what))
}

// WebAddress reports whether s is an address that a browser may open. Text
// from outside must not choose another program through its scheme.
func WebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// Browse opens a page in the browser.
func (s *Shell) Browse(address string) tea.Cmd {
	if !WebAddress(address) {
		return s.Warn("not a web address")
	}
	open := s.Config.Browse
	return Try(s, func(context.Context) error { return open(address) }, func(err error) tea.Cmd {
		if err != nil {
			return s.Fail(fmt.Errorf("open the browser: %w", err))
		}
		return s.Say("opened in the browser")
	})
}
