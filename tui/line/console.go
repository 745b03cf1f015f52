package line

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"hookctl/logs/text"
)

// longestLine bounds what is read as one line.
const longestLine = 64 << 10

var errTooLong = errors.New("the line is too long")

// reader reads lines only as they are asked for, so that a program that runs in the meantime has the terminal to itself. A
// read that waits for a key cannot be called back: its line answers what is asked next.
type reader struct {
	out    *Output
	person bool
	want   chan struct{}
	got    chan typed
}

type typed struct {
	text string
	err  error // io.EOF at the end; on a terminal more may come
}

func newReader(in io.Reader, out *Output, person bool) *reader {
	r := &reader{out: out, person: person, want: make(chan struct{}), got: make(chan typed)}
	go func() {
		buffered := bufio.NewReaderSize(in, longestLine)
		for range r.want {
			r.got <- readLine(buffered)
		}
	}()
	return r
}

func readLine(r *bufio.Reader) typed {
	b, err := r.ReadSlice('\n')
	long := errors.Is(err, bufio.ErrBufferFull)
	line := string(b)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	switch {
	case long && (err == nil || errors.Is(err, io.EOF)):
		return typed{err: errTooLong}
	case err == nil || errors.Is(err, io.EOF) && line != "":
		return typed{text: strings.TrimRight(line, "\r\n")}
	}
	return typed{err: err}
}

// line waits for a line. The error is io.EOF at the end of the input and after ctrl+d, errInterrupted after ctrl+c.
func (r *reader) line(ctx context.Context, interrupts <-chan os.Signal) (string, error) {
	if !r.person {
		r.out.breakLine() // nobody answers on the same line
	}
	for want := r.want; ; {
		select {
		case want <- struct{}{}:
			want = nil // it is being read now
		case t := <-r.got:
			if t.err == nil {
				r.out.answered()
			} else {
				r.out.breakLine()
			}
			return t.text, t.err
		case <-interrupts:
			r.out.breakLine()
			return "", errInterrupted
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// answers is what a command reads: one line at each Read, so that no command takes what is meant for the next one. When the
// command has ended it ends.
type answers struct {
	in   *reader
	ctx  context.Context //nolint:containedctx // Read has no argument for it.
	rest string
}

// Read returns the next line, or the rest of one.
func (a *answers) Read(p []byte) (int, error) {
	if a.rest == "" {
		line, err := a.in.line(a.ctx, nil)
		switch {
		case a.ctx.Err() != nil:
			return 0, io.EOF
		case err != nil:
			return 0, err
		}
		a.rest = line + "\n"
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// Output is where commands print. Each line is cleaned of what a terminal would obey; the spaces at its start stay.
type Output struct {
	table func(head []string, rows [][]string)
	words []string // of the command that prints

	mu  sync.Mutex
	w   io.Writer
	mid bool // the last line is not complete: a question stands there
}

// Table prints rows under a head, a line for each, and gives them numbers where later commands can name them.
func (o *Output) Table(head []string, rows [][]string) error {
	o.table(head, rows)
	return nil
}

// Write prints lines. A character must not be split between two writes.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var b strings.Builder
	for line := range strings.Lines(string(p)) {
		body, whole := strings.CutSuffix(line, "\n")
		body = strings.TrimSuffix(body, "\r")
		trimmed := strings.TrimLeft(body, " ")
		b.WriteString(body[:len(body)-len(trimmed)] + text.Clean(trimmed))
		if whole {
			b.WriteByte('\n')
		}
		o.mid = !whole
	}
	if _, err := io.WriteString(o.w, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// answered notes that the enter after an answer has begun a new line.
func (o *Output) answered() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mid = false
}

// breakLine ends a line that is not complete.
func (o *Output) breakLine() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.mid {
		o.mid = false
		_, _ = io.WriteString(o.w, "\n") // the next line that cannot be printed fails the command
	}
}

// ask puts a question and returns the answer, fallback for an empty line. cancel, ctrl+d and ctrl+c leave the dialogue,
// back goes to the question before.
func (m *mode) ask(ctx context.Context, question, fallback string) (string, error) {
	if fallback != "" {
		question += " [" + fallback + "]"
	}
	fmt.Fprint(m.out, question, ": ")
	answer, err := m.in.line(ctx, m.Interrupts)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", ErrCancelled
	}
	switch answer = strings.TrimSpace(answer); strings.ToLower(answer) {
	case "":
		return fallback, nil
	case "cancel", "quit":
		return "", ErrCancelled
	case "back":
		return "", errBack
	}
	return answer, nil
}

// choose asks until the answer is one of the words, or begins one.
func (m *mode) choose(ctx context.Context, question, fallback string, words ...string) (string, error) {
	either := strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	for {
		answer, err := m.ask(ctx, question+" "+either, fallback)
		if err != nil {
			return "", err
		}
		answer = strings.ToLower(answer)
		if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, answer) }); i >= 0 {
			return words[i], nil
		}
		m.say("Please answer " + either + ".")
	}
}

// confirm asks for yes or no.
func (m *mode) confirm(ctx context.Context, question string, fallback bool) (bool, error) {
	answer, err := m.choose(ctx, question, map[bool]string{true: "yes", false: "no"}[fallback], "yes", "no")
	return answer == "yes", err
}
