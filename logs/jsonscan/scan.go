// Package jsonscan reads a few fields out of JSON without decoding all of it. A delivery's payload is checked and walked once before
// it is acknowledged, and a million files are when an index is made; encoding/json takes ten times as long for that.
//
// [Valid] and [Object] say whether the text is JSON. The others read the beginning of a text, as far as it is JSON; what they return
// is a part of what they were given, not a copy.
package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// What ends a reading early.
var (
	ErrTorn   = errors.New("the file ends too early")
	ErrSyntax = errors.New("not a JSON object")
)

// Valid says what [encoding/json.Valid] says in less than half the time. Every payload is checked before it is acknowledged, and
// the library's check took longer than the rest of Append.
func Valid(b []byte) bool {
	end := valueEnd(b, SkipSpace(b, 0), 0)
	return end >= 0 && SkipSpace(b, end) == len(b)
}

// Member is a member of a JSON object: its key without quotes and its value, both as they stand there.
type Member struct{ Key, Value []byte }

// Fields are the members of an object.
type Fields []Member

// mostMembers are taken of an object. GitHub's payloads have a few dozen; each takes memory.
const mostMembers = 1000

// Object takes a JSON object apart, into its first thousand members in their order. ok is false for what is no JSON, or no object.
func Object(b []byte) (members Fields, ok bool) {
	members = make(Fields, 0, 16)
	end, err := Scan(b, whole(b, func(key, value []byte) {
		if len(members) < mostMembers {
			members = append(members, Member{key, value})
		}
	}))
	if err != nil || SkipSpace(b, end) != len(b) {
		return nil, false
	}
	return members, true
}

// Get is the value at a path of members, one within the other; nil if it is missing.
func (f Fields) Get(name string, inner ...string) (v []byte) {
	for _, m := range f {
		if string(m.Key) == name {
			v = m.Value
		}
	}
	return At(v, inner...)
}

// Text reads a string at a path; whatever else stands in its place gives "".
func (f Fields) Text(name string, inner ...string) string {
	s, _ := Text(f.Get(name, inner...))
	return s
}

// Is reports whether true stands there.
func (f Fields) Is(name string) bool { return string(f.Get(name)) == "true" }

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

// Integer reads a whole number; whatever else stands in its place gives 0. GitHub's ids are larger than 2^53, so it
// never passes through a float.
func Integer(v []byte) int64 {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0
	}
	return n
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

// Members calls visit with every member of an object, key and value as they stand there. It ends where b is no object, or no
// longer one.
func Members(b []byte, visit func(key, value []byte)) { _, _ = Scan(b, whole(b, visit)) }

// Scan is [Members] for who decides about each value: visit gets where it begins and returns where it ends, or a negative number to
// end the scan. end is behind the object.
func Scan(b []byte, visit func(key []byte, begin int) (end int)) (end int, err error) {
	i := SkipSpace(b, 0)
	switch {
	case i == len(b):
		end = torn
	case b[i] == '{':
		end = listEnd(b, i, 0, visit)
	default:
		end = unexpected(i)
	}
	return end, errorAt(end)
}

// Elements calls visit with every element of an array.
func Elements(b []byte, visit func(value []byte)) {
	if i := SkipSpace(b, 0); i < len(b) && b[i] == '[' {
		listEnd(b, i, 0, whole(b, func(_, value []byte) { visit(value) }))
	}
}

// whole calls visit with whole values of b.
func whole(b []byte, visit func(key, value []byte)) func(key []byte, begin int) (end int) {
	return func(key []byte, begin int) int {
		end := valueEnd(b, begin, 1)
		if end >= 0 {
			visit(key, b[begin:end])
		}
		return end
	}
}

// SkipValue returns the index behind the JSON value at i, for the visit of [Scan] or to see whether there is one.
func SkipValue(b []byte, i int) (end int, err error) {
	end = valueEnd(b, i, 0)
	return end, errorAt(end)
}

// errorAt is the error of what stands in the place of an end, nil for an end.
func errorAt(end int) error {
	switch {
	case end >= 0:
		return nil
	case end == torn:
		return ErrTorn
	}
	return fmt.Errorf("%w: unexpected character at byte %d", ErrSyntax, -2-end)
}

// SkipSpace returns the index of the next byte from i on that is no white space.
func SkipSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	return i
}

// TrimSpace is data without the white space around it.
func TrimSpace(data []byte) []byte { return bytes.Trim(data, " \n\t\r") }
