// Package bound runs what people write into the settings, conditions in jq and templates of text/template, on what outsiders
// send. Neither language bounds what it builds, so this package does: no single step may build a string of more than a mebibyte,
// a list of more than a million entries or a number of more than 64 Kibit, a condition ends when the heap has grown by 256 MiB
// since it began, and both end when their time is over.
package bound

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/itchyny/gojq"
)

const (
	mib       = 1 << 20
	maxBuilt  = mib
	maxLength = mib
	maxBits   = 64 << 10
	maxGrown  = 256 * mib
	stepTime  = 250 * time.Millisecond // more, for the step of a condition that has begun when the time is over
)

// Time is what all conditions of a delivery may take together, and each template.
const Time = 250 * time.Millisecond

// What ends a condition or a template before its end.
var (
	ErrTooMuch = errors.New("it builds too much")
	ErrTooLong = errors.New("it takes too long")
	ErrCut     = errors.New("output is too long") // the part that fits is there
)

var (
	templatePlace = regexp.MustCompile(`^template: \w+:(\d+)(?::(\d+))?:\s*(?:executing "\w+" at )?(.*)$`)
	unknownName   = regexp.MustCompile(`not defined: (\$?\w+)`)
)

// Place finds the line and column of a mistake that [ParseCondition] or [ParseTemplate] found in a text, both counted from 1, and 0
// where it has no place. cause is what is wrong there.
func Place(text string, err error) (line, column int, cause error) {
	at := func(offset int) (line, column int, cause error) {
		before := text[:max(0, min(len(text), offset))]
		return 1 + strings.Count(before, "\n"), 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:])), err
	}
	if parse := (*gojq.ParseError)(nil); errors.As(err, &parse) {
		return at(parse.Offset - len(parse.Token))
	}
	if m := templatePlace.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
		column, _ = strconv.Atoi(m[2])
		return line, column + 1, errors.New(m[3])
	}
	// A name that jq does not know has no offset, but it can be looked for.
	if m := unknownName.FindStringSubmatch(err.Error()); m != nil {
		if offset := strings.Index(text, m[1]); offset >= 0 {
			return at(offset)
		}
	}
	return 0, 0, err
}
