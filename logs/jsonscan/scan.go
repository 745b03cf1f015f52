// Package jsonscan reads a few fields out of JSON without decoding all of it. A delivery's payload is checked and walked once before
// it is acknowledged, and a million files are when an index is made; encoding/json takes ten times as long for that.
//
// [Valid] and [Object] say whether the text is JSON. The others read text that is, or end early where it is not; what they return
// is a part of what they were given, not a copy.
package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// What ends a reading early.
var (
	ErrTorn   = errors.New("the file ends too early")
	ErrSyntax = errors.New("not a JSON object")
)

// Text reads a JSON string; ok is false for any other value.
func Text(v []byte) (s string, ok bool) {
	if len(v) < 2 || v[0] != '"' {
		return "", false
	}
	inner := v[1 : len(v)-1]
	for _, c := range inner {
		if c == '\\' || c < ' ' {
			return s, json.Unmarshal(v, &s) == nil
		}
	}
	if !utf8.Valid(inner) {
		return s, json.Unmarshal(v, &s) == nil
	}
	return string(inner), true
}

// Members calls visit with every member of an object, key and value as they stand there. It ends where b is no object, or no
// longer one.
func Members(b []byte, visit func(key, value []byte)) {
	i := SkipSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return
	}
	for i < len(b) && (b[i] == '{' || b[i] == ',') {
		i = SkipSpace(b, i+1)
		end, err := SkipString(b, i)
		if err != nil {
			return
		}
		key := b[i+1 : end-1]
		if i = SkipSpace(b, end); i >= len(b) || b[i] != ':' {
			return
		}
		i = SkipSpace(b, i+1)
		if end, err = SkipValue(b, i); err != nil {
			return
		}
		visit(key, b[i:end])
		i = SkipSpace(b, end)
	}
}

// At is the value at a path of members, one within the other; nil if it is missing.
func At(b []byte, path ...string) []byte {
	for _, name := range path {
		var found []byte
		Members(b, func(key, value []byte) {
			if string(key) == name {
				found = value
			}
		})
		b = found
	}
	return b
}

// Elements calls visit with every element of an array.
func Elements(b []byte, visit func(value []byte)) {
	i := SkipSpace(b, 0)
	if i >= len(b) || b[i] != '[' {
		return
	}
	for i < len(b) && (b[i] == '[' || b[i] == ',') {
		i = SkipSpace(b, i+1)
		end, err := SkipValue(b, i)
		if err != nil {
			return
		}
		visit(b[i:end])
		i = SkipSpace(b, end)
	}
}

// SkipValue returns the index behind the JSON value at i.
func SkipValue(data []byte, i int) (int, error) {
	if i >= len(data) {
		return 0, ErrTorn
	}
	switch data[i] {
	case '"':
		return SkipString(data, i)
	case '{', '[':
		depth := 0
		for i < len(data) {
			switch data[i] {
			case '"':
				end, err := SkipString(data, i)
				if err != nil {
					return 0, err
				}
				i = end
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
				if depth == 0 {
					return i + 1, nil
				}
			}
			i++
		}
		return 0, ErrTorn
	}
	begin := i
	for i < len(data) {
		switch data[i] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			if i == begin {
				return 0, fmt.Errorf("%w: no value at byte %d", ErrSyntax, i)
			}
			return i, nil
		}
		i++
	}
	return 0, ErrTorn
}

// SkipString returns the index behind the JSON string at i.
func SkipString(data []byte, i int) (int, error) {
	if i >= len(data) {
		return 0, ErrTorn
	}
	if data[i] != '"' {
		return 0, fmt.Errorf("%w: no string at byte %d", ErrSyntax, i)
	}
	for begin := i + 1; ; begin = i + 1 {
		n := bytes.IndexByte(data[begin:], '"')
		if n < 0 {
			return 0, ErrTorn
		}
		// An odd number of backslashes before it makes it part of the string.
		slashes := 0
		for i = begin + n; data[i-1-slashes] == '\\'; {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1, nil
		}
	}
}

// SkipSpace returns the index of the next byte from i on that is no white space.
func SkipSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	return i
}

// TrimSpace is data without the white space around it.
func TrimSpace(data []byte) []byte {
	i := SkipSpace(data, 0)
	j := len(data)
	for j > i && (data[j-1] == ' ' || data[j-1] == '\n' || data[j-1] == '\t' || data[j-1] == '\r') {
		j--
	}
	return data[i:j]
}
