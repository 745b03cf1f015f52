package settings

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/goccy/go-yaml/ast"
)

const (
	day             = Duration(24 * time.Hour)
	coalesceDefault = 20 * time.Second
)

// Duration is a time span that may be written with days and weeks (30d, 2w, 1d12h), as retention is.
type Duration time.Duration

// parseDuration reads a Go duration in which d and w are allowed too, and a bare 0.
func parseDuration(text string) (Duration, error) {
	var total time.Duration
	rest := strings.TrimSpace(text)
	for rest != "" {
		end := strings.IndexAny(rest, "dw")
		if end < 0 {
			tail, err := time.ParseDuration(rest)
			if err != nil || tail < 0 || tail > math.MaxInt64-total {
				return 0, fmt.Errorf("not a valid duration: %q; write it like 30d, 12h or 90s", text)
			}
			return Duration(total + tail), nil
		}
		unit := 24 * time.Hour
		if rest[end] == 'w' {
			unit *= 7
		}
		n, err := strconv.ParseUint(rest[:end], 10, 16)
		if err != nil || time.Duration(n) > (math.MaxInt64-total)/unit { //nolint:gosec // n has 16 bits.
			return 0, fmt.Errorf("not a valid duration: %q; write it like 30d, 12h or 90s", text)
		}
		total += time.Duration(n) * unit //nolint:gosec // n has 16 bits.
		rest = rest[end+1:]
	}
	if strings.TrimSpace(text) == "" {
		return 0, fmt.Errorf("the duration is empty; write it like 30d, 12h or 90s")
	}
	return Duration(total), nil
}

// String is the shortest spelling that parseDuration reads back.
func (d Duration) String() string {
	if d != 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := time.Duration(d).String()
	for _, nothing := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, nothing) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// Set and Type make a Duration a flag value.
func (d *Duration) Set(text string) error {
	value, err := parseDuration(text)
	if err == nil {
		*d = value
	}
	return err
}

// Type is the word that help shows for the value.
func (d *Duration) Type() string { return "duration" }

// MarshalText makes YAML and JSON show the spelling of String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalYAML reads parseDuration's spelling; its error carries the position.
func (d *Duration) UnmarshalYAML(node ast.Node) error {
	value, err := parseDuration(node.GetToken().Value)
	if err != nil {
		return &positionError{Position: positionOf(node), Err: err}
	}
	*d = value
	return nil
}

// Size is a number of bytes that may be written with a unit (5GB, 500MiB).
type Size int64

// String is the size with its unit.
func (s Size) String() string {
	if s == 0 {
		return "0"
	}
	return strings.ReplaceAll(humanize.Bytes(uint64(max(s, 0))), " ", "")
}

// MarshalText makes YAML and JSON show the spelling of String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalYAML reads a size; its error carries the position.
func (s *Size) UnmarshalYAML(node ast.Node) error {
	text := node.GetToken().Value
	n, err := humanize.ParseBytes(text)
	if err != nil || n > 1<<62 {
		return &positionError{Position: positionOf(node), Err: fmt.Errorf("not a valid size: %q; write it like 5GB or 500MB", text)}
	}
	*s = Size(n)
	return nil
}
