package tui

import (
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/exp/golden"
)

// dialogue is a person at line mode: what is heard, and what is typed after it.
// A line is typed when there is a prompt for it. Two lines are no lines:
// "^C" is ctrl+c at a prompt, and "await TEXT" waits until TEXT has been said.
type dialogue struct {
	t     *testing.T
	lines []string
	ctrlC chan os.Signal
	then  map[string]func() // what happens before a line is typed
	when  map[string]func() // what happens once a text is said

	mu    sync.Mutex
	said  strings.Builder
	heard int           // how much of it was there when the last line was typed
	news  chan struct{} // something was said
	over  chan struct{} // line mode has ended
}

func newDialogue(t *testing.T, lines ...string) *dialogue {
	return &dialogue{t: t, lines: lines, ctrlC: make(chan os.Signal), news: make(chan struct{}, 1), over: make(chan struct{})}
}

func (d *dialogue) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case d.news <- struct{}{}:
	default:
	}
	n, err := d.said.Write(p)
	for text, do := range d.when {
		if strings.Contains(d.said.String()[d.heard:], text) {
			delete(d.when, text)
			go do()
		}
	}
	return n, err
}

// Read is asked for one line at a time.
func (d *dialogue) Read(p []byte) (int, error) {
	for {
		if len(d.lines) == 0 {
			d.await(prompted)
			return 0, io.EOF
		}
		select {
		case <-d.over:
			return 0, io.EOF
		default:
		}
		line := d.lines[0]
		d.lines = d.lines[1:]
		if text, ok := strings.CutPrefix(line, "await "); ok {
			d.await(func(new string) bool { return strings.Contains(new, text) })
			return d.typed(p, d.lines[0])
		}
		d.await(prompted)
		if line == "^C" {
			d.interrupt()
			continue
		}
		d.lines = append([]string{line}, d.lines...)
		return d.typed(p, line)
	}
}

// typed echoes the line, as a terminal does.
func (d *dialogue) typed(p []byte, line string) (int, error) {
	d.lines = d.lines[1:]
	if f := d.then[line]; f != nil {
		delete(d.then, line)
		f()
	}
	select {
	case <-d.over: // nobody is there to answer
		return 0, io.EOF
	default:
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said.WriteString(line + "\n")
	d.heard = d.said.Len()
	return copy(p, line+"\n"), nil
}

func (d *dialogue) interrupt() {
	d.mu.Lock()
	d.said.WriteString("^C")
	d.heard = d.said.Len()
	d.mu.Unlock()
	select {
	case d.ctrlC <- os.Interrupt:
	case <-d.over:
	}
}

func prompted(new string) bool { return strings.HasSuffix(new, "> ") || strings.HasSuffix(new, ": ") }

// await waits until what was said since the last line holds.
func (d *dialogue) await(holds func(string) bool) {
	late := time.After(60 * time.Second)
	for {
		d.mu.Lock()
		new := d.said.String()[d.heard:]
		d.mu.Unlock()
		if holds(new) {
			return
		}
		select {
		case <-d.news:
		case <-d.over:
			return
		case <-late:
			panic("waited in vain after:\n" + d.said.String())
		}
	}
}

// with has the dialogue with line mode, and returns it.
func (d *dialogue) with(cfg Config) string {
	d.t.Helper()
	err := runAccessible(d.t.Context(), cfg.withDefaults(), d, d, true, d.ctrlC, nil)
	close(d.over)
	if err != nil {
		d.t.Fatalf("%v\n%s", err, d.said.String())
	}
	return d.text()
}

func (d *dialogue) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	text := d.said.String()
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }) {
		d.t.Errorf("line mode writes control characters: %q", text)
	}
	return text
}

// talk has a dialogue and returns it.
func talk(t *testing.T, cfg Config, lines ...string) string {
	t.Helper()
	return newDialogue(t, lines...).with(cfg)
}

// steady replaces what differs from run to run.
func steady(text string) string {
	for _, r := range [][2]string{
		{`127\.0\.0\.1:\d+`, "127.0.0.1:PORT"},
		{`\b[0-9a-f]{8}\b`, "FINGERPRINT"},
		{`\d\d:\d\d:\d\d`, "HH:MM:SS"},
		{`until \d\d:\d\d`, "until HH:MM"},
		{`\d{4}-\d\d-\d\d \d\d:\d\d`, "YYYY-MM-DD HH:MM"},
		{`\d{8}_\d{6}_([a-z_]+?)(_\d+)?\.json`, "YYYYMMDD_HHMMSS_$1.json"},
		{`(cannot be reached from here).*`, "$1 …"},
		{`\d+s (ago|old)`, "Ns $1"},
	} {
		text = regexp.MustCompile(r[0]).ReplaceAllString(text, r[1])
	}
	return text
}

// has fails unless the text has all of these, in this order.
func has(t *testing.T, text string, want ...string) {
	t.Helper()
	rest := text
	for _, w := range want {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			t.Fatalf("no %q (any more) in:\n%s", w, text)
		}
		rest = after
	}
}

func TestLineMode(t *testing.T) {
	cfg := testConfig(t)
	write(t, cfg, sampleRecords()...)
	got := talk(t, cfg, "help", "events conclusion:failure", "view 1", "view 9", "events colour:red", "more", "nonsense", "quit", "events")
	has(t, got,
		"The receiver is not running. Type start to start it.",
		"1. 11:49:00, workflow_run completed, octo-org/web, CI Tests (feature/test), failure, notification sent",
		"2. 11:48:00, check_run completed",
		"End of the list.",
		"repository: octo-org/web",
		"error: view takes the number of an event that was listed",
		`error: filter, character 1: there is no field "colour"`,
		`error: there is no command "nonsense"`, "hint: type help",
	)
	if strings.Contains(got, "11:55:00") {
		t.Errorf("it goes on after quit:\n%s", got)
	}
}

// Whole dialogues, word for word.
func TestLineModeDialogues(t *testing.T) {
	t.Run("events", func(t *testing.T) {
		cfg := testConfig(t)
		write(t, cfg, sampleRecords()...)
		cfg.Filters = map[string]string{"blocked": "type:task_blocked", "mine": "sender:mona"}
		golden.RequireEqual(t, []byte(talk(t, cfg, "events", "more", "failure", "failure", "failure", "failure", "filters", "filters 1", "view 1", "web 1", "replay 1", "log", "settings", "help view", "quit")))
	})
	t.Run("help", func(t *testing.T) {
		golden.RequireEqual(t, []byte(talk(t, testConfig(t), "no", "help", "quit")))
	})
	t.Run("doctor", func(t *testing.T) {
		s := full(t, 80, 24)
		golden.RequireEqual(t, []byte(steady(talk(t, s.cfg, "doctor", "log", "log error", "settings", "rejected", "q"))))
	})
	t.Run("setup", func(t *testing.T) {
		r := newRig(t, "octo-org/api", "octo-org/web")
		got := talk(t, r.cfg,
			"yes", "2", "hooks.example.com", "-check_run", "", "", "go on", "calls", "", // setup
			"hooks", "hook 1", "ping 1", "pause 1", "hook 1", "resume 1", "edit 1", "+star", "deliveries 1", "redeliver 1", "redeliver missed", "catchup",
			"rotate", "", "undo", "", "finish", "yes", "status", "delete 1", "octo-org/api", "delete 1", "octo-org/web", "hooks", "stop", "quit")
		golden.RequireEqual(t, []byte(steady(got)))
		if n := len(r.gh.Hooks("octo-org/web")); n != 0 {
			t.Errorf("%d hooks are left", n)
		}
	})
}

// Commands may come from a pipe. Then nothing is prompted for, a question takes
// the next line, and that something failed is told by the error.
func TestLineModeOnAPipe(t *testing.T) {
	cfg := testConfig(t)
	write(t, cfg, sampleRecords()...)
	for _, c := range []struct {
		in   string
		want error
	}{
		{"events conclusion:failure\nview 1\n", nil},
		{"events conclusion:failure\nview 1", nil},
		{"", nil},
		{"view 1\nevents\n", ErrCommandFailed},
		{"no\x1b[2Jthing\u202e\nevents\n", ErrCommandFailed},
		{strings.Repeat("x", 3*longestLine) + "\nevents\n", ErrCommandFailed},
		{"setup\n", ErrCommandFailed},
	} {
		var out strings.Builder
		err := runAccessible(t.Context(), cfg.withDefaults(), strings.NewReader(c.in), &out, false, nil, nil)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%.40q: %v, not %v:\n%s", c.in, err, c.want, out.String())
		}
		if strings.Contains(out.String(), "> ") || strings.Contains(out.String(), "\x1b") {
			t.Errorf("%.40q: it prompts:\n%s", c.in, out.String())
		}
		if strings.Contains(c.in, "events") {
			has(t, out.String(), "1. ")
		}
	}
}

// ctrl+c at the prompt leaves when it is pressed twice, and never otherwise.
func TestLineModeInterruptedAtThePrompt(t *testing.T) {
	cfg := testConfig(t)
	write(t, cfg, sampleRecords()...)
	got := talk(t, cfg, "^C", "status", "^C", "^C", "events")
	if n := strings.Count(got, "Nothing is under way. Once more, or quit, leaves."); n != 2 {
		t.Errorf("it warns %d times:\n%s", n, got)
	}
	if strings.Contains(got, "1. ") {
		t.Errorf("it goes on:\n%s", got)
	}
}

// follow tells what comes in, and ends with an empty line.
func TestLineModeFollows(t *testing.T) {
	cfg := testConfig(t)
	records := sampleRecords()
	write(t, cfg, records[:4]...)
	d := newDialogue(t, "follow", "await star created", "", "events", "quit")
	done := make(chan string, 1)
	go func() { done <- d.with(cfg) }()
	d.await(func(new string) bool { return strings.Contains(new, "Following") })
	write(t, cfg, records[4])
	has(t, <-done, "Following. An empty line ends it.", "11:30:00, star created, octo-org/web", "No longer following.", "1. 11:30:00")
}

// The end of ctx ends line mode wherever it is.
func TestLineModeEndsWithItsContext(t *testing.T) {
	cfg := testConfig(t)
	write(t, cfg, sampleRecords()...)
	ctx, stop := context.WithCancel(t.Context())
	d := newDialogue(t)
	ended := make(chan error, 1)
	in, typing := io.Pipe()
	defer typing.Close()
	go func() { ended <- runAccessible(ctx, cfg.withDefaults(), in, d, true, nil, nil) }()
	d.await(prompted)
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

func TestLineCommandsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range lineCommands() {
		switch {
		case seen[c.name]:
			t.Errorf("%s is there twice", c.name)
		case !regexp.MustCompile(`^[a-z]+$`).MatchString(c.name):
			t.Errorf("%q is no word", c.name)
		case !strings.HasSuffix(c.text, "."), c.run == nil:
			t.Errorf("%s: %q", c.name, c.text)
		}
		seen[c.name] = true
		if got := nearest(c.name + "x"); got != c.name && distance(got, c.name+"x") > 1 {
			t.Errorf("%sx is taken for %q", c.name, got)
		}
	}
	for typo, want := range map[string]string{"evnets": "events", "hok": "hook", "deliv": "deliveries", "rotat": "rotate", "xyzzy": ""} {
		if got := nearest(typo); got != want {
			t.Errorf("%s is taken for %q, not %q", typo, got, want)
		}
	}
}

func TestChooseEvents(t *testing.T) {
	known := func(name string) bool { return slices.Contains([]string{"push", "issues", "star", "release"}, name) }
	now := []string{"issues", "push"}
	for _, c := range []struct{ text, want, wrong string }{
		{"issues, push", "issues push", ""},
		{"star", "star", ""},
		{"+star", "issues push star", ""},
		{"+star -push", "issues star", ""},
		{"-push,-issues", "", ""},
		{"+nope", "", "nope"},
		{"push,pish", "", "pish"},
		{"-nope", "issues push", ""},
		{",", "", ""},
		{"+ push", "", ""},
	} {
		got, wrong := chooseEvents(now, c.text, known)
		if strings.Join(got, " ") != c.want || wrong != c.wrong {
			t.Errorf("%q: %v %q", c.text, got, wrong)
		}
	}
}
