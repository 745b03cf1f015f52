package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// ErrCommandFailed is returned by Run in line mode where commands came from a
// pipe and one of them failed; what went wrong has been said.
var ErrCommandFailed = errors.New("a command failed")

// lineMode is the interface for screen readers and braille lines: one prompt
// at a time, one line for each thing, no cursor movement, no colour. It does
// what the full screen does, through the same functions.
type lineMode struct {
	*console
	cfg    Config
	log    *logs.Log
	failed bool // a command failed

	filter  logs.Filter
	shown   []logs.Entry // the numbered events
	failure *logs.Entry  // where the search for failures stands

	client  *hooks.Client
	kept    []string  // targets of earlier runs and of setup
	rows    []hookRow // the numbered hooks
	broken  []error   // why hooks could not be listed
	known   knowledge // of the log and the settings, when the hooks were listed
	address string    // the address of this receiver then
	sent    []sent    // the numbered deliveries
	of      hookRow   // whose deliveries they are
}

// lineCommand is one thing that can be typed. Help and suggestions are drawn
// from the table of them.
type lineCommand struct {
	name string
	args string   // what may follow, for help
	text string   // one sentence
	does []string // the actions of the full screen that it stands for
	asks bool     // it puts questions, and looks after ctrl+c itself
	run  func(m *lineMode, ctx context.Context, rest string) error
}

// lineCommands is everything that line mode can do, in the order of help.
func lineCommands() []lineCommand {
	return slices.Concat(setupLines(), eventLines(), hookLines(), deliveryLines(), rotateLines(), receiverLines(), []lineCommand{
		{name: "help", args: "[COMMAND]", text: "Every command in one line each, or one of them.", does: []string{"help", "palette", "copy.command"}, run: (*lineMode).help},
		{name: "quit", text: "Leave; the receiver keeps running. So does ctrl+d.", does: []string{"quit", "interrupt"},
			run: func(m *lineMode, _ context.Context, _ string) error { m.leave = true; return nil }},
	})
}

// runAccessible takes commands line by line until quit, the end of the input,
// or the end of ctx. person says that somebody answers, and not a file.
func runAccessible(ctx context.Context, cfg Config, in io.Reader, out io.Writer, person bool, interrupts <-chan os.Signal, release func()) error {
	l, err := logs.Open(ctx, cfg.Logs)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer l.Close() //nolint:errcheck // only read from
	m := &lineMode{console: newConsole(in, out, person), cfg: cfg, log: l, kept: cfg.keptRepositories()}
	defer m.close()
	m.interrupts = interrupts
	if release != nil {
		m.release = release
	}
	if err := m.welcome(ctx); err != nil {
		return err
	}
	if err := m.loop(ctx); err != nil {
		return err
	}
	m.farewell(ctx)
	if m.failed && !person {
		return ErrCommandFailed
	}
	return nil
}

// loop is the prompt.
func (m *lineMode) loop(ctx context.Context) error {
	warned := false
	for !m.leave {
		if m.person {
			m.prompt(">")
		}
		line, err := m.line(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errInterrupted):
			if warned {
				return nil
			}
			warned = true
			m.say("Nothing is under way. Once more, or quit, leaves.")
			continue
		case errors.Is(err, errTooLong):
			m.tell(err)
			continue
		case err != nil:
			return err
		}
		warned = false
		m.tell(m.do(ctx, line))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// do carries out what was typed. Who types a whole command line of hookctl
// means the command.
func (m *lineMode) do(ctx context.Context, line string) error {
	verb, rest, _ := strings.Cut(strings.TrimPrefix(line, "hookctl "), " ")
	verb, rest = strings.ToLower(verb), strings.TrimSpace(rest)
	switch verb {
	case "":
		return nil
	case "?":
		verb = "help"
	case "q", "exit":
		verb = "quit"
	}
	for _, c := range lineCommands() {
		switch {
		case c.name != verb:
		case c.asks:
			return c.run(m, ctx, rest)
		default:
			return m.work(ctx, func(ctx context.Context) error { return c.run(m, ctx, rest) })
		}
	}
	text := "type help"
	if near := nearest(verb); near != "" {
		text = "did you mean " + near + "? help lists the others"
	}
	return &hint{fmt.Errorf("there is no command %q", verb), text}
}

// tell says what went wrong, with the cure.
func (m *lineMode) tell(err error) {
	if err == nil {
		return
	}
	m.failed = true
	switch {
	case errors.Is(err, errCancelled), errors.Is(err, errInterrupted), errors.Is(err, errBack), errors.Is(err, errLeft):
		m.say(sentenceOf(err.Error()))
		return
	case errors.Is(err, context.Canceled):
		return
	}
	for line := range strings.Lines(err.Error()) {
		m.say("error: " + strings.TrimSpace(line))
	}
	if cure := cureFor(err); cure != "" {
		m.say("hint: " + cure)
	}
}

// welcome says how things are. With nothing set up it offers to do that, as
// the full screen does.
func (m *lineMode) welcome(ctx context.Context) error {
	m.say("hookctl in line mode. Type help for the commands.")
	status, err := daemon.Dial(m.cfg.Home).Status(ctx)
	running := err == nil && status.Address != ""
	fresh, err := m.fresh(ctx, running)
	if err != nil {
		return err
	}
	if !fresh {
		m.tellRotation()
		m.tell(m.status(ctx, ""))
		return ctx.Err()
	}
	if !m.person || m.cfg.Hooks == nil {
		m.say("Nothing is set up yet. Type setup to set up webhooks.")
		return nil
	}
	m.say("Nothing is set up yet. Setting up webhooks takes about a minute.")
	yes, err := m.confirm(ctx, "Set up webhooks now?", true)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil || !yes:
		m.say("Type setup when you want to.")
	default:
		m.tell(m.setUp(ctx, ""))
	}
	return nil
}

// fresh reports whether nothing is set up yet: no secret, no event, no receiver.
func (m *lineMode) fresh(ctx context.Context, running bool) (bool, error) {
	if running || m.cfg.Store == nil {
		return false, nil
	}
	value, _, err := m.cfg.Store.Current()
	if err != nil || value != "" {
		return false, nil // what is wrong with it is told where it matters
	}
	page, err := m.log.Page(ctx, logs.Query{Limit: 1})
	return len(page.Entries) == 0, err
}

// farewell says what goes on without the interface.
func (m *lineMode) farewell(ctx context.Context) {
	if m.cfg.Temporary || !m.person {
		return
	}
	if status, err := daemon.Dial(m.cfg.Home).Status(ctx); err == nil {
		m.say("The receiver keeps running on " + status.Address + "; hookctl stop ends it.")
	}
	m.tellRotation()
}

// tellRotation says that a rotation is not finished.
func (m *lineMode) tellRotation() {
	if r := m.rotation(); r != nil && r.Promoted.IsZero() {
		m.say("A rotation is not finished, and both secrets are accepted; rotate resume goes on with it.")
	}
}

// rotation is the stored one, nil for none.
func (m *lineMode) rotation() *secret.Rotation {
	if m.cfg.Store == nil {
		return nil
	}
	r, err := m.cfg.Store.Rotation()
	if err != nil {
		return nil // the commands about it say what is wrong
	}
	return r
}

func (m *lineMode) help(_ context.Context, rest string) error {
	found := false
	for _, c := range lineCommands() {
		if rest == "" || c.name == rest {
			m.say(strings.TrimSpace(c.name+" "+c.args) + ": " + c.text)
			found = true
		}
	}
	if !found {
		return &hint{fmt.Errorf("there is no command %q", rest), "type help"}
	}
	if rest == "" {
		m.say("At a question enter takes what is in brackets, back goes to the question before, cancel leaves. ctrl+c ends what is under way.")
	}
	return nil
}

// nearest is the command that a mistyped one probably is, "" where none is near.
func nearest(verb string) string {
	best, least := "", 2
	if len(verb) > 4 {
		least = 3
	}
	for _, c := range lineCommands() {
		d := distance(verb, c.name)
		if len(verb) > 1 && strings.HasPrefix(c.name, verb) {
			d = 1
		}
		if d < least && d < len(c.name) {
			best, least = c.name, d
		}
	}
	return best
}

// distance is how many characters have to be changed, put in or left out to
// make one word of the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// numbers reads the numbers of a list, separated by blanks or commas. what is
// said where they name nothing in it.
func numbers(rest string, size int, what string) ([]int, error) {
	var out []int
	for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == ',' }) {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > size {
			return nil, errors.New(what)
		}
		if !slices.Contains(out, n-1) {
			out = append(out, n-1)
		}
	}
	if len(out) == 0 {
		return nil, errors.New(what)
	}
	return out, nil
}
