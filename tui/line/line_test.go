package line_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"hookctl/tui/line"
)

// person is somebody at line mode: what is printed, and what is typed after it. A line is typed once there is a prompt for
// it. "^C" is ctrl+c, "^D" is ctrl+d.
type person struct {
	t     *testing.T
	lines []string
	ctrlC chan os.Signal
	news  chan struct{}
	then  map[string]func() // what happens before a line is typed
	over  chan struct{}     // line mode has ended

	mu    sync.Mutex
	said  strings.Builder
	heard int // how much was there when the last line was typed
}

func (p *person) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.news <- struct{}{}:
	default:
	}
	return p.said.Write(b)
}

// Read types the next line.
func (p *person) Read(b []byte) (int, error) {
	for {
		if len(p.lines) == 0 {
			return 0, io.EOF
		}
		typed := p.lines[0]
		p.lines = p.lines[1:]
		if f := p.then[typed]; f != nil {
			f()
		}
		p.await(typed, func(new string) bool { return strings.HasSuffix(new, "> ") || strings.HasSuffix(new, ": ") })
		switch typed {
		case "enter":
			return copy(b, "\n"), nil
		case "^C":
			p.ctrlC <- os.Interrupt
		case "^D":
			return 0, io.EOF
		default:
			return copy(b, typed+"\n"), nil
		}
	}
}

// await waits until what was printed since the last line holds, and notes that a line is typed now.
func (p *person) await(typed string, holds func(string) bool) {
	late := time.After(time.Minute)
	for {
		p.mu.Lock()
		if holds(p.said.String()[p.heard:]) {
			p.said.WriteString(typed + "\n") // the terminal's echo
			p.heard = p.said.Len()
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		select {
		case <-p.news:
		case <-p.over:
			return
		case <-late:
			panic("no prompt for " + typed + " after:\n" + p.said.String())
		}
	}
}

// house is a command tree like the program's: lists that number their rows, and commands that take such numbers.
type house struct {
	ran              []string // the command lines as they were executed
	rows             int      // how many events there are
	setups, refusals int      // how often setup ran, and how often it fails
	work             func(ctx context.Context, in io.Reader, out io.Writer) error
}

func (h *house) tree(in io.Reader, out io.Writer) *cobra.Command {
	root := &cobra.Command{Use: "hookctl", SilenceErrors: true, SilenceUsage: true, Args: cobra.NoArgs, Run: func(*cobra.Command, []string) {}}
	add := func(parent *cobra.Command, use string, run func(cmd *cobra.Command, args []string) error) *cobra.Command {
		cmd := &cobra.Command{Use: use, Short: "About " + use, Args: cobra.ArbitraryArgs}
		if run != nil {
			cmd.RunE = run
		}
		parent.AddCommand(cmd)
		return cmd
	}
	table := func(head []string, rows ...[]string) error { return out.(*line.Output).Table(head, rows) }
	nothing := func(*cobra.Command, []string) error { return nil }
	add(root, "status", func(*cobra.Command, []string) error { fmt.Fprintln(out, "receiver  running"); return nil })
	add(root, "serve", nothing)
	add(root, "work", func(cmd *cobra.Command, _ []string) error { return h.work(cmd.Context(), in, out) })
	rotate := add(root, "rotate [HOOK…]", nothing)
	add(root, "test FILE", nothing)
	events := add(root, "events", nil)
	list := add(events, "list", func(cmd *cobra.Command, _ []string) error {
		limit, _ := cmd.Flags().GetInt("limit")
		var rows [][]string
		for i := h.rows; i > max(0, h.rows-limit); i-- {
			rows = append(rows, []string{fmt.Sprint("12:00:", i), "push\x1b[31m", "-", fmt.Sprintf("%d_push.json", i)})
		}
		return table([]string{"RECEIVED", "EVENT", "SENDER", "FILE"}, rows...)
	})
	list.Flags().IntP("limit", "L", 30, "")
	list.Flags().StringP("filter", "f", "", "")
	view := add(events, "view FILE|GUID|latest", nothing)
	view.Flags().StringP("jq", "q", "", "")
	add(events, "follow", func(cmd *cobra.Command, _ []string) error {
		fmt.Fprint(out, "following: ")
		<-cmd.Context().Done()
		return nil
	})
	add(events, "replay FILE|GUID|latest…", nothing)
	hooks := add(root, "hooks", nil)
	hooks.Aliases = []string{"hook"}
	add(hooks, "list", func(*cobra.Command, []string) error {
		return table([]string{"REPOSITORY", "ID", "URL"}, []string{"octo-org/api", "500000001", "https://a.example"}, []string{"octo-org", "500000002", "https://b.example"})
	}).Flags().String("match", "", "")
	for _, use := range []string{"ping ID", "view ID", "enable ID", "edit ID", "redeliver [HOOK [DELIVERY…]]"} {
		cmd := add(hooks, use, nothing)
		for _, f := range []string{"repo", "org", "event"} {
			cmd.Flags().StringArray(f, nil, "")
		}
	}
	deliveries := add(hooks, "deliveries [ID]", func(*cobra.Command, []string) error {
		return table([]string{"REPOSITORY", "HOOK", "DELIVERY"}, []string{"octo-org/api", "500000001", "9007199254740993"}, []string{"octo-org/api", "500000001", "9007199254740994"})
	})
	for _, cmd := range []*cobra.Command{rotate, deliveries} {
		cmd.Flags().StringArray("repo", nil, "")
		cmd.Flags().StringArray("org", nil, "")
	}
	for _, flag := range []string{"all", "resume", "undo"} {
		rotate.Flags().Bool(flag, false, "")
	}
	setup := add(root, "setup", func(*cobra.Command, []string) error {
		h.setups++
		if h.setups <= h.refusals {
			return errors.New("no signed ping arrived")
		}
		return nil
	})
	setup.Flags().String("url", "", "")
	for name, short := range map[string]string{"repo": "R", "org": "", "event": ""} {
		setup.Flags().StringArrayP(name, short, nil, "")
	}
	config := add(root, "config", nothing)
	config.Flags().Bool("json", false, "")
	add(config, "show [KEY…]", nothing)
	add(config, "set KEY VALUE", nothing)
	add(add(events, "filters", nothing), "list", nothing)
	add(add(root, "secret", nil), "generate", nothing)
	add(root, "restart", nothing).Flags().String("tunnel", "", "")
	add(root, "doctor", nothing).Flags().Bool("fix", false, "")
	root.SetOut(out)
	root.SetErr(out)
	return root
}

func (h *house) config(in io.Reader, out io.Writer) line.Config {
	return line.Config{
		In: in, Out: out, Release: func() {}, Fresh: func(context.Context) bool { return false },
		Tree: func() *cobra.Command { return h.tree(strings.NewReader(""), io.Discard) },
		Execute: func(ctx context.Context, args []string, in io.Reader, out, _ io.Writer) error {
			h.ran = append(h.ran, strings.Join(args, " "))
			root := h.tree(in, out)
			root.SetArgs(args)
			err := root.ExecuteContext(ctx)
			if err != nil {
				fmt.Fprintln(out, "error:", err)
			}
			return err
		},
	}
}

// talk types lines at a terminal and returns what was printed, and what ran beside the status at the beginning.
func (h *house) talk(t *testing.T, lines ...string) string {
	t.Helper()
	p := newPerson(t, lines...)
	cfg := h.config(p, p)
	return p.talk(cfg)
}

func newPerson(t *testing.T, lines ...string) *person {
	return &person{t: t, lines: lines, ctrlC: make(chan os.Signal, 1), news: make(chan struct{}, 1), over: make(chan struct{})}
}

// talk is a whole session at a terminal.
func (p *person) talk(cfg line.Config) string {
	t := p.t
	t.Helper()
	cfg.Interactive, cfg.Interrupts = true, p.ctrlC
	defer close(p.over)
	if err := line.Run(t.Context(), cfg); err != nil {
		t.Errorf("it ends with %v", err)
	}
	said := p.said.String()
	if strings.ContainsFunc(said, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }) {
		t.Errorf("it prints control characters: %q", said)
	}
	return said
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

// What is typed is the command line that runs: words of the shell, short forms, and numbers in the place of names.
func TestWordsAndNumbers(t *testing.T) {
	const lists = "events;hooks;deliveries 1"
	for typed, want := range map[string]string{
		"events":                             "events list",
		"hookctl status":                     "status",
		"gh hookctl status":                  "status",
		"events event:push sender:mona":      "events list --filter event:push sender:mona",
		"events --limit 5":                   "events list --limit 5",
		`events list --filter 'title:"a b"'`: `events list --filter title:"a b"`,
		"events view latest":                 "events view latest",
		"events view 2":                      "events view 29_push.json",
		"replay 1 2":                         "events replay 30_push.json 29_push.json",
		"events replay 1,3":                  "events replay 30_push.json 28_push.json",
		"hooks":                              "hooks list",
		"hooks all":                          "hooks list --match *",
		"hook 2":                             "hooks view --org octo-org 500000002",
		"hooks ping 1":                       "hooks ping --repo octo-org/api 500000001",
		"ping 500000002":                     "hooks ping --org octo-org 500000002",
		"ping 700000003":                     "hooks ping 700000003",
		"ping 1 2":                           "hooks ping --repo octo-org/api 500000001|hooks ping --org octo-org 500000002",
		"edit 1 --event push":                "hooks edit --event=push --repo octo-org/api 500000001",
		"edit 1 --repo a/b":                  "hooks edit --repo=a/b 500000001",
		"resume":                             "rotate --resume=true",
		"resume 1":                           "hooks enable --repo octo-org/api 500000001",
		"rotate":                             "rotate --all=true",
		"rotate undo":                        "rotate --undo=true",
		"rotate 1,2":                         "rotate --repo octo-org/api --org octo-org 500000001 500000002",
		"redeliver 2":                        "hooks redeliver --repo octo-org/api 500000001 9007199254740994",
		"hooks redeliver 1 1 2":              "hooks redeliver --repo octo-org/api 500000001 9007199254740993 9007199254740994",
		"test 1":                             "test 1", // a file of the user's
		"settings":                           "config",
		"settings receiver.port":             "config show receiver.port",
		"settings set receiver.port 9001":    "config set receiver.port 9001",
		"filters list":                       "events filters list",
		"hooks nonsense":                     "hooks nonsense",
		"view 1 --jq .payload":               "events view --jq=.payload 30_push.json",
		"# a remark":                         "",
		"":                                   "",
	} {
		h := &house{rows: 40}
		h.rows = 30
		h.talk(t, append(strings.Split(lists, ";"), typed)...)
		got := strings.Join(h.ran[4:], "|") // behind the status and the lists
		if got != want {
			t.Errorf("%q runs %q, not %q", typed, got, want)
		}
	}
}

// A number means the row that was printed with it, and nothing else.
func TestNumbersThatNameNothing(t *testing.T) {
	h := &house{rows: 30}
	said := h.talk(t, "view 1", "events", "view 25", "more", "view 25", "view 31", "ping 1", "hooks", "ping 0", "view 1")
	has(t, said, "error: no list with a number 1 was printed yet", "hint: events prints one", "> view 25\nerror: the last list of events has no number 25",
		"> view 31\nerror: the last list of events has no number 31", "> ping 1\nerror: no list with a number 1", "hint: hooks prints one", "error: the last list of hooks has no number 0")
	if got, want := h.ran[len(h.ran)-1], "events view 30_push.json --jq"; !strings.HasPrefix(strings.ReplaceAll(got, "\n", " "), "events view --jq") || !strings.HasSuffix(got, "30_push.json") {
		t.Errorf("after the list of hooks, view 1 runs %q, not %q", got, want)
	}
}

// A list stops after a page; more goes on, also beyond the limit of the command, and no number changes when events come in.
func TestPages(t *testing.T) {
	h := &house{rows: 50}
	said := h.talk(t, "events", "back", "more", "more", "back", "more", "more", "more")
	has(t, said, "1. 12:00:50, push, 50_push.json", "20. 12:00:31", "Type more for the next page.", "> back\nerror: this is the first page",
		"> more\n21. ", "30. ", "Type more for the next page", "> more\n31. 12:00:20, push, 20_push.json", "50. 12:00:1,", "End of the list.", "> back\n")
	if strings.Contains(said, "\x1b") || strings.Contains(said, "sender") {
		t.Errorf("it prints %q", said)
	}
}

// Commands from a pipe: no prompt, questions take the next line, and a failure is reported at the end.
func TestFromAPipe(t *testing.T) {
	ask := func(_ context.Context, in io.Reader, out io.Writer) error {
		fmt.Fprint(out, "really? ")
		b := make([]byte, 100)
		n, err := in.Read(b)
		fmt.Fprintf(out, "answer %q\n", b[:n])
		return err
	}
	for _, c := range []struct {
		in, want string
		err      error
	}{
		{"status\n", "receiver  running", nil},
		{"status", "receiver  running", nil},
		{"", "line mode", nil},
		{"work\nyes\nstatus\n", "really? \nanswer \"yes\\n\"\nreceiver", nil},
		{"work\n", "answer \"\"", line.ErrCommandFailed},
		{"serve\nstatus\n", "error: serve runs the receiver in the foreground; start runs it in the background\nreceiver", line.ErrCommandFailed},
		{"hookctl --accessible\nstatus\n", "error: this is already line mode\nhint: type help for the commands\nreceiver", line.ErrCommandFailed},
		{"no\x1b[2Jthing\u202e\nstatus\n", "receiver", line.ErrCommandFailed},
		{strings.Repeat("x", 200_000) + "\nstatus\n", "error: the line is too long\nreceiver", line.ErrCommandFailed},
		{"events list --filter 'a\nstatus\n", "error: the line ends inside quotes\nreceiver", line.ErrCommandFailed},
		{"quit\nserve\n", "", nil},
	} {
		var out strings.Builder
		h := &house{work: ask}
		err := line.Run(t.Context(), h.config(strings.NewReader(c.in), &out))
		if !errors.Is(err, c.err) || c.err == nil && err != nil {
			t.Errorf("%.40q: %v, not %v", c.in, err, c.err)
		}
		if got := out.String(); !strings.Contains(got, c.want) || strings.Contains(got, "> ") || strings.Contains(got, "\x1b") {
			t.Errorf("%.40q: it prints\n%s", c.in, got)
		}
	}
}

// ctrl+c cancels the command that runs, and its question; at the prompt it leaves.
func TestInterrupts(t *testing.T) {
	h := &house{work: func(ctx context.Context, in io.Reader, out io.Writer) error {
		answered := make(chan struct{})
		go func() {
			_, _ = in.Read(make([]byte, 100))
			close(answered)
		}()
		fmt.Fprint(out, "really: ")
		<-ctx.Done()
		<-answered // it ends, and takes no line of the prompt
		return ctx.Err()
	}}
	said := h.talk(t, "work", "^C", "status", "^C", "serve")
	has(t, said, "really: ", "Interrupting.", "> status\nreceiver", "> ^C")
	if strings.Contains(said, "foreground") {
		t.Errorf("it goes on:\n%s", said)
	}
}

// A second ctrl+c leaves once the command has ended, and lets the third one end the process.
func TestInterruptedTwice(t *testing.T) {
	interrupts, released := make(chan os.Signal), make(chan struct{})
	h := &house{work: func(context.Context, io.Reader, io.Writer) error {
		interrupts <- os.Interrupt
		interrupts <- os.Interrupt
		<-released
		return errors.New("ended late")
	}}
	var out strings.Builder
	cfg := h.config(strings.NewReader("work\nstatus\n"), &out)
	cfg.Interrupts, cfg.Release = interrupts, func() { close(released) }
	if err := line.Run(t.Context(), cfg); !errors.Is(err, line.ErrCommandFailed) {
		t.Errorf("it ends with %v", err)
	}
	if len(h.ran) != 1 {
		t.Errorf("it goes on: %v", h.ran)
	}
}

// The end of ctx ends line mode at the prompt.
func TestEndOfContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	in, typing := io.Pipe()
	defer typing.Close()
	p := newPerson(t)
	cfg := (&house{}).config(in, p)
	cfg.Interactive = true
	ended := make(chan error, 1)
	go func() { ended <- line.Run(ctx, cfg) }()
	p.await("", func(said string) bool { return strings.HasSuffix(said, "> ") })
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

// Help has the commands of the tree and every short form; a question mark lists what may follow.
func TestHelpAndCompletion(t *testing.T) {
	said := (&house{}).talk(t, "help", "help all", "hooks ?", "hooks re?")
	has(t, said, "> help\nThe commands that matter first:\n  setup ", "status ", "view 3", "quit", "help all", "> help all\n", "Available Commands", "Line mode:", "view 3", "forget",
		"> hooks ?", "ping: About ping", "view: About view")
}

// Whatever a command prints, nothing of it is obeyed by a terminal or hides in a line: cells, lines, questions, JSON.
func TestWhatIsPrintedIsClean(t *testing.T) {
	const nasty = "a\x1b[2J\x1b]0;title\x07\u202eb\u200bc\x9b31m\rd"
	h := &house{work: func(_ context.Context, _ io.Reader, out io.Writer) error {
		fmt.Fprintf(out, "  indented %s\n{\"title\":\"%s\"}\n%s: ", nasty, nasty, nasty)
		return out.(*line.Output).Table([]string{"REPOSITORY", "ID" + nasty}, [][]string{{nasty, nasty}})
	}}
	said := h.talk(t, "work", "quit")
	has(t, said, "\n  indented a", "\n{\"title\":\"a", "abc")
	if _, printed, _ := strings.Cut(said, "> work\n"); strings.ContainsAny(printed, "\x1b\u202e\u200b\u009b") {
		t.Errorf("it prints %q", said)
	}
}

// A following ends with enter, and with the next command, which is carried out.
func TestFollowingEndsWithTheNextLine(t *testing.T) {
	h := &house{}
	printed := h.talk(t, "follow", "enter", "follow", "doctor", "^D")
	if got, want := strings.Join(h.ran, ", "), "status, events follow, events follow, doctor"; got != want {
		t.Errorf("ran %s, want %s:\n%s", got, want, printed)
	}
	if strings.Count(printed, "Press enter to stop.") != 2 || !strings.Contains(printed, "> doctor\n") {
		t.Error(printed)
	}
}
