package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
)

// screen is the program on a terminal, as a person sees it.
type screen struct {
	*vt.SafeEmulator
	tty     *os.File
	cmd     *exec.Cmd
	copying sync.WaitGroup
	done    chan struct{} // closed when the program has ended; err is its end
	err     error

	mu    sync.Mutex
	title string // of the window
	drawn bytes.Buffer
}

// keep remembers what the program draws, byte for byte.
func (s *screen) keep(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drawn.Write(p)
}

// writerFunc is a function that takes what is written.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// failer is what a helper fails: a test or a story.
type failer interface {
	Fatalf(format string, args ...any)
}

// cmdUI runs the program on a terminal and plays the person in front of it:
//
//	ui start WxH command…   begins
//	ui see TEXT…            waits until all texts are on the screen
//	ui gone TEXT            waits until the text is not
//	ui type TEXT            types
//	ui press KEY…           presses keys: enter, esc, tab, space, up, down, ctrl+c, or a single character
//	ui click TEXT           clicks on the text, which is on the screen
//	ui resize WxH
//	ui title                prints the window's title to stdout
//	ui print                prints the screen to stdout
//	ui drawn                prints every byte that the program has drawn to stdout
//	ui end [CODE]           waits for the program to end, with that exit code (0)
func cmdUI(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg || len(args) == 0 {
		ts.Fatalf("usage: ui start|see|gone|type|press|resize|print|end …")
	}
	if args[0] == "start" {
		cols, rows := size(ts, args[1])
		cmd := exec.Command(lookPath(ts, args[2]), args[3:]...)
		cmd.Args[0] = args[2]
		cmd.Dir, cmd.Env = ts.Getenv("WORK"), storyEnviron(ts)
		s, err := openScreen(cmd, cols, rows)
		ts.Check(err)
		w.screen = s
		return
	}
	s := w.screen
	if s == nil {
		ts.Fatalf("ui: nothing was started")
	}
	switch args[0] {
	case "see":
		for _, text := range args[1:] {
			s.await(ts, text, true)
		}
	case "gone":
		s.await(ts, args[1], false)
	case "type":
		s.send(ts, args[1])
	case "press":
		for _, key := range args[1:] {
			s.send(ts, keyBytes(ts, key))
		}
	case "click":
		s.await(ts, args[1], true)
		s.click(ts, args[1])
	case "resize":
		cols, rows := size(ts, args[1])
		ts.Check(pty.Setsize(s.tty, &pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)}))
		s.Resize(cols, rows)
	case "title":
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintln(ts.Stdout(), s.title)
	case "print":
		fmt.Fprintln(ts.Stdout(), s.settled())
	case "drawn":
		s.mu.Lock()
		defer s.mu.Unlock()
		_, err := ts.Stdout().Write(s.drawn.Bytes())
		ts.Check(err)
	case "end":
		want := "0"
		if len(args) > 1 {
			want = args[1]
		}
		if got := strconv.Itoa(s.end(ts)); got != want {
			ts.Fatalf("the program ended with %s (%v), not %s; the screen:\n%s", got, s.err, want, s.text())
		}
		w.screen = nil
	default:
		ts.Fatalf("ui: unknown %q", args[0])
	}
}

func size(ts *testscript.TestScript, text string) (cols, rows int) {
	if _, err := fmt.Sscanf(text, "%dx%d", &cols, &rows); err != nil {
		ts.Fatalf("%q is no size like 80x24", text)
	}
	return cols, rows
}

func openScreen(cmd *exec.Cmd, cols, rows int) (*screen, error) {
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)})
	if err != nil {
		return nil, err
	}
	s := &screen{SafeEmulator: vt.NewSafeEmulator(cols, rows), tty: tty, cmd: cmd, done: make(chan struct{})}
	s.SetCallbacks(vt.Callbacks{Title: func(title string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.title = title
	}})
	s.copying.Go(func() { _, _ = io.Copy(io.MultiWriter(writerFunc(s.keep), s), tty) }) // what the program draws
	s.copying.Go(func() { _, _ = io.Copy(tty, s) })                                     // what a terminal answers when it is asked
	go func() {
		s.err = cmd.Wait()
		close(s.done)
	}()
	return s, nil
}

// close ends the program where it has not ended by itself.
func (s *screen) close() {
	select {
	case <-s.done:
	default:
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	_ = s.tty.Close()
	if pipe, ok := s.InputPipe().(io.Closer); ok {
		_ = pipe.Close() // Close of the emulator itself races with the reader that it ends.
	}
	s.copying.Wait()
}

// end waits for the program to end and returns its exit code.
func (s *screen) end(f failer) int {
	select {
	case <-s.done:
	case <-time.After(storyPatience):
		f.Fatalf("the program does not end; the screen:\n%s", s.text())
	}
	s.close()
	return s.cmd.ProcessState.ExitCode()
}

// text is the screen without colours, and without the spaces that end its lines.
func (s *screen) text() string {
	lines := strings.Split(ansi.Strip(s.Render()), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \r")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// settled is the screen when no frame is half drawn: it has not changed for a few ticks. A screen that never rests is
// taken as it is.
func (s *screen) settled() string {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	text, quiet := s.text(), 0
	for range 100 {
		<-tick.C
		now := s.text()
		if quiet++; now != text {
			text, quiet = now, 0
		}
		if quiet == 3 {
			break
		}
	}
	return text
}

func (s *screen) await(f failer, text string, wanted bool) {
	deadline := time.Now().Add(storyPatience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for strings.Contains(s.text(), text) != wanted {
		if time.Now().After(deadline) {
			f.Fatalf("waited for %q (wanted: %t); the screen:\n%s", text, wanted, s.text())
		}
		<-tick.C
	}
}

func (s *screen) send(f failer, text string) {
	if _, err := io.WriteString(s.tty, text); err != nil {
		f.Fatalf("type %q: %v", text, err)
	}
}

// click presses and releases the mouse's button on the last place where the text is.
func (s *screen) click(f failer, text string) {
	lines := strings.Split(s.settled(), "\n")
	for y, line := range slices.Backward(lines) {
		if before, _, ok := strings.Cut(line, text); ok {
			x := ansi.StringWidth(before) + 1
			s.send(f, fmt.Sprintf("\x1b[<0;%d;%dM\x1b[<0;%d;%dm", x, y+1, x, y+1))
			return
		}
	}
	f.Fatalf("no %q on the screen:\n%s", text, strings.Join(lines, "\n"))
}

// keyBytes is what a terminal sends for a key.
func keyBytes(f failer, key string) string {
	named := map[string]string{
		"enter": "\r", "esc": "\x1b", "tab": "\t", "shift+tab": "\x1b[Z", "space": " ", "backspace": "\x7f",
		"up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
	}
	if bytes, ok := named[key]; ok {
		return bytes
	}
	if letter, ok := strings.CutPrefix(key, "ctrl+"); ok && len(letter) == 1 {
		return string(rune(letter[0] & 0x1f))
	}
	if len([]rune(key)) != 1 {
		f.Fatalf("unknown key %q", key)
	}
	return key
}
