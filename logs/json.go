package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// What is here reads JSON that is valid, or ends early where it is not; whether it is valid, validJSON says. encoding/json
// would take ten times as long to find a few fields in a payload.

// TextOf reads a JSON string; ok is false for any other value.
func TextOf(v []byte) (s string, ok bool) {
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
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return
	}
	for i < len(b) && (b[i] == '{' || b[i] == ',') {
		i = skipSpace(b, i+1)
		end, err := skipString(b, i)
		if err != nil {
			return
		}
		key := b[i+1 : end-1]
		if i = skipSpace(b, end); i >= len(b) || b[i] != ':' {
			return
		}
		i = skipSpace(b, i+1)
		if end, err = skipValue(b, i); err != nil {
			return
		}
		visit(key, b[i:end])
		i = skipSpace(b, end)
	}
}

// Elements calls visit with every element of an array.
func Elements(b []byte, visit func(value []byte)) {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '[' {
		return
	}
	for i < len(b) && (b[i] == '[' || b[i] == ',') {
		i = skipSpace(b, i+1)
		end, err := skipValue(b, i)
		if err != nil {
			return
		}
		visit(b[i:end])
		i = skipSpace(b, end)
	}
}

// skipValue returns the index behind the JSON value at i.
func skipValue(data []byte, i int) (int, error) {
	if i >= len(data) {
		return 0, errTorn
	}
	switch data[i] {
	case '"':
		return skipString(data, i)
	case '{', '[':
		depth := 0
		for i < len(data) {
			switch data[i] {
			case '"':
				end, err := skipString(data, i)
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
		return 0, errTorn
	}
	begin := i
	for i < len(data) {
		switch data[i] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			if i == begin {
				return 0, fmt.Errorf("%w: no value at byte %d", errSyntax, i)
			}
			return i, nil
		}
		i++
	}
	return 0, errTorn
}

// skipString returns the index behind the JSON string at i.
func skipString(data []byte, i int) (int, error) {
	if i >= len(data) {
		return 0, errTorn
	}
	if data[i] != '"' {
		return 0, fmt.Errorf("%w: no string at byte %d", errSyntax, i)
	}
	for begin := i + 1; ; begin = i + 1 {
		n := bytes.IndexByte(data[begin:], '"')
		if n < 0 {
			return 0, errTorn
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

func skipSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	return i
}

func trimSpace(data []byte) []byte {
	i := skipSpace(data, 0)
	j := len(data)
	for j > i && (data[j-1] == ' ' || data[j-1] == '\n' || data[j-1] == '\t' || data[j-1] == '\r') {
		j--
	}
	return data[i:j]
}
