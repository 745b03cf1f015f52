package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// maxDepth is how deeply JSON may be nested, as in encoding/json.
const maxDepth = 10_000

// Member is a member of a JSON object: its key without quotes and its value, both as they stand there.
type Member struct{ Key, Value []byte }

// Fields are the members of an object.
type Fields []Member

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

// Integer reads a whole number; whatever else stands in its place gives 0. GitHub's ids are larger than 2^53, so it
// never passes through a float.
func Integer(v []byte) int64 {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// mostMembers are taken of an object. GitHub's payloads have a few dozen; each takes memory.
const mostMembers = 1000

// Object takes a JSON object apart, into its first thousand members in their order. ok is false for what is no JSON, or no object.
func Object(b []byte) (members Fields, ok bool) {
	members = make(Fields, 0, 32)
	ok = walk(b, func(key, value []byte) {
		if len(members) < mostMembers {
			members = append(members, Member{key, value})
		}
	})
	if at := SkipSpace(b, 0); !ok || b[at] != '{' {
		return nil, false
	}
	return members, true
}

// Valid says what [encoding/json.Valid] says in less than half the time. Every payload is checked before it is acknowledged, and
// the library's check took longer than the rest of Append.
func Valid(b []byte) bool { return walk(b, nil) }

// walk is Valid. visit, if not nil, is called with each member of the object that b is, as far as b is valid.
func walk(b []byte, visit func(key, value []byte)) bool {
	var open [64]byte // the closers that are due, the innermost last
	stack := open[:0]
	var key []byte // of the outermost object, and where its value begins
	var from int
	i := SkipSpace(b, 0)
	for {
		// A value begins at i.
		if i >= len(b) {
			return false
		}
		if len(stack) == 1 {
			from = i
		}
		switch c := b[i]; c {
		case '{', '[':
			if len(stack) == maxDepth {
				return false
			}
			begin := SkipSpace(b, i+1)
			if begin < len(b) && b[begin] == c+2 {
				i = begin + 1 // It is empty.
				break
			}
			stack = append(stack, c+2) // '{' to '}', '[' to ']'
			if i = begin; c == '{' {
				if i = memberValue(b, begin); i < 0 {
					return false
				}
				if visit != nil && len(stack) == 1 {
					key = keyAt(b, begin)
				}
			}
			continue
		case '"':
			i = stringEnd(b, i)
		case 't':
			i = wordEnd(b, i, "true")
		case 'f':
			i = wordEnd(b, i, "false")
		case 'n':
			i = wordEnd(b, i, "null")
		default:
			i = numberEnd(b, i)
		}
		if i < 0 {
			return false
		}
		// A value ended before i, and with it perhaps those that it is in.
		for {
			if visit != nil && len(stack) == 1 && stack[0] == '}' {
				visit(key, b[from:i])
			}
			if i = SkipSpace(b, i); len(stack) == 0 || i >= len(b) || b[i] != stack[len(stack)-1] {
				break
			}
			stack = stack[:len(stack)-1]
			i++
		}
		if len(stack) == 0 {
			return i == len(b)
		}
		if i >= len(b) || b[i] != ',' {
			return false
		}
		if i = SkipSpace(b, i+1); stack[len(stack)-1] == '}' {
			begin := i
			if i = memberValue(b, begin); i < 0 {
				return false
			}
			if visit != nil && len(stack) == 1 {
				key = keyAt(b, begin)
			}
		}
	}
}

// keyAt is the string that begins at i, without its quotes.
func keyAt(b []byte, i int) []byte { return b[i+1 : stringEnd(b, i)-1] }

// memberValue takes a key and a colon and returns where the value begins; -1 is no such thing, as in all of these.
func memberValue(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	if i = stringEnd(b, i); i < 0 {
		return -1
	}
	if i = SkipSpace(b, i); i >= len(b) || b[i] != ':' {
		return -1
	}
	return SkipSpace(b, i+1)
}

// stringEnd returns the index behind the string that begins at i. Eight bytes at a time are looked at for one that
// needs a closer look: a quote, a backslash or a control character.
func stringEnd(b []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for i++; ; {
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, slash := w^(ones*'"'), w^(ones*'\\')
			found := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & tops
			if found != 0 {
				i += bits.TrailingZeros64(found) / 8
				break
			}
			i += 8
		}
		if i >= len(b) {
			return -1
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = escapeEnd(b, i); i < 0 {
				return -1
			}
		case c < 0x20:
			return -1
		default:
			i++
		}
	}
}

func escapeEnd(b []byte, i int) int {
	if i+1 >= len(b) {
		return -1
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if i+6 > len(b) {
			return -1
		}
		for _, c := range b[i+2 : i+6] {
			if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return -1
			}
		}
		return i + 6
	}
	return -1
}

func wordEnd(b []byte, i int, word string) int {
	if i+len(word) > len(b) || string(b[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}

func numberEnd(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	default:
		if i = digitsEnd(b, i); i < 0 {
			return -1
		}
	}
	if i < len(b) && b[i] == '.' {
		if i = digitsEnd(b, i+1); i < 0 {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return digitsEnd(b, i)
	}
	return i
}

// digitsEnd takes one digit or more.
func digitsEnd(b []byte, i int) int {
	begin := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	if i == begin {
		return -1
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
