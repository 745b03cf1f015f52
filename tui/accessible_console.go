package tui

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

var (
	// errCancelled ends a command because the user left a question.
	errCancelled = errors.New("cancelled: nothing more is done")
	// errInterrupted ends a command because of ctrl+c.
	errInterrupted = errors.New("interrupted: what was done stays, and nothing is done twice")
	// errBack leaves a question for the one before it.
	errBack    = errors.New("this is the first question; cancel leaves")
	errTooLong = errors.New("that line is too long")
)

// console is a terminal, a braille line or a pipe that is spoken with line by
// line. What it says is clean: a line never holds a control character.
type console struct {
	person     bool             // somebody is there: prompts are shown, and ctrl+d is not the end
	interrupts <-chan os.Signal // ctrl+c; nil where nobody presses it
	release    func()           // lets the next ctrl+c end the program

	mu  sync.Mutex
	out io.Writer

	want    chan struct{}
	got     chan typed
	waiting bool // a line was asked for and has not come yet
	gone    bool // no line will come any more
	working bool // work is under way
	leave   bool // the user wants to be off, whatever is under way
}

// typed is what was read: a line, or the end of the input.
type typed struct {
	text string
	err  error // io.EOF at the end; on a terminal more may come
}

// newConsole reads lines from in as they are asked for, so that a program that
// is run meanwhile has the terminal for itself. A read that waits for a key
// cannot be called back, so the reader is left to the end of the process.
func newConsole(in io.Reader, out io.Writer, person bool) *console {
	c := &console{person: person, out: out, want: make(chan struct{}, 1), got: make(chan typed, 1), release: func() {}}
	go func() {
		r := bufio.NewReaderSize(in, longestLine)
		for range c.want {
			c.got <- readLine(r)
		}
	}()
	return c
}

func readLine(r *bufio.Reader) typed {
	b, err := r.ReadSlice('\n')
	long := errors.Is(err, bufio.ErrBufferFull)
	text := string(b)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	switch {
	case long && err == nil:
		return typed{err: errTooLong}
	case err == nil || errors.Is(err, io.EOF) && text != "":
		return typed{text: strings.TrimSpace(text)}
	}
	return typed{err: err}
}

// close ends the reader, once it has what it waits for.
func (c *console) close() { close(c.want) }

// say writes one line.
func (c *console) say(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintln(c.out, text.Clean(line))
}

// capital is text with a capital letter at its start, sentenceOf the same as a
// sentence.
func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func sentenceOf(text string) string { return capital(text) + "." }

func (c *console) sayf(format string, args ...any) { c.say(fmt.Sprintf(format, args...)) }

// prompt writes what stands before the answer. In a pipe nobody answers on the
// same line.
func (c *console) prompt(words string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.person {
		fmt.Fprint(c.out, text.Clean(words)+" ")
	} else {
		fmt.Fprintln(c.out, text.Clean(words))
	}
}

// lines asks for a line; what comes out of the channel has to go to took.
func (c *console) lines() <-chan typed {
	if !c.waiting {
		c.waiting = true
		c.want <- struct{}{}
	}
	return c.got
}

func (c *console) took(t typed) (string, error) {
	c.waiting = false
	switch {
	case t.err == nil, errors.Is(t.err, errTooLong):
	case errors.Is(t.err, io.EOF) && c.person:
		c.say("") // the cursor stands behind the prompt
	default:
		c.gone = true
	}
	return t.text, t.err
}

// line waits for a line. The error is io.EOF at the end of the input and after
// ctrl+d, errInterrupted after ctrl+c.
func (c *console) line(ctx context.Context) (string, error) {
	if c.gone {
		return "", io.EOF
	}
	select {
	case t := <-c.lines():
		return c.took(t)
	case <-c.interrupts:
		c.say("")
		return "", errInterrupted
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// ask puts a question and returns the answer, which is fallback for an empty
// line. cancel, ctrl+d and ctrl+c leave, back goes to the question before.
func (c *console) ask(ctx context.Context, question, fallback string) (string, error) {
	if fallback != "" {
		question += " [" + fallback + "]"
	}
	c.prompt(question + ":")
	text, err := c.line(ctx)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, errInterrupted):
		return "", errCancelled
	case err != nil:
		return "", err
	}
	switch strings.ToLower(text) {
	case "":
		return fallback, nil
	case "cancel", "quit":
		return "", errCancelled
	case "back":
		return "", errBack
	}
	return text, nil
}

// choose asks until the answer is one of the words, or begins one.
func (c *console) choose(ctx context.Context, question, fallback string, words ...string) (string, error) {
	for {
		text, err := c.ask(ctx, question+" "+either(words), fallback)
		if err != nil {
			return "", err
		}
		text = strings.ToLower(text)
		if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, text) }); i >= 0 {
			return words[i], nil
		}
		c.say("Please answer " + either(words) + ".")
	}
}

// confirm asks for yes or no.
func (c *console) confirm(ctx context.Context, question string, fallback bool) (bool, error) {
	answer, err := c.choose(ctx, question, map[bool]string{true: "yes", false: "no"}[fallback], "yes", "no")
	return answer == "yes", err
}

// either lists words as a choice.
func either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// work does something that takes time. ctrl+c cancels it and comes back to the
// prompt; a second one leaves as soon as it has ended, a third one at once.
func (c *console) work(ctx context.Context, do func(context.Context) error) error {
	if c.working { // a part of larger work
		return do(ctx)
	}
	c.working = true
	defer func() { c.working = false }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	interrupted := false
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-done:
			return
		case <-c.interrupts:
			interrupted = true
			c.say("Interrupting.")
			stop()
		}
		select {
		case <-done:
		case <-c.interrupts:
			c.leave = true
			c.release()
		}
	})
	err := do(ctx)
	close(done)
	watching.Wait()
	if interrupted && err != nil {
		return errInterrupted
	}
	return err
}
