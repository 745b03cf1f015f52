package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth is how deeply JSON may be nested, as in encoding/json.
const maxDepth = 10_000

// torn stands in the place of the end of a value where the text ends before the value does.
const torn = -1

// unexpected stands there where the byte at i is not JSON.
func unexpected(i int) int { return -2 - i }

// valueEnd returns the index behind the value that begins at i, or what stands in its place, as all of these do.
func valueEnd(b []byte, i, depth int) int {
	if i >= len(b) {
		return torn
	}
	switch b[i] {
	case '{', '[':
		return listEnd(b, i, depth, nil)
	case '"':
		return stringEnd(b, i)
	case 't':
		return wordEnd(b, i, "true")
	case 'f':
		return wordEnd(b, i, "false")
	case 'n':
		return wordEnd(b, i, "null")
	}
	return numberEnd(b, i)
}

// listEnd is valueEnd of an object or an array. visit, if not nil, gets the key of each member, or none of each element, and where
// its value begins, and returns where that ends.
func listEnd(b []byte, i, depth int, visit func(key []byte, begin int) int) int {
	if depth == maxDepth {
		return unexpected(i)
	}
	closer := b[i] + 2 // '{' to '}', '[' to ']'
	if i = SkipSpace(b, i+1); i < len(b) && b[i] == closer {
		return i + 1
	}
	for {
		var key []byte
		if closer == '}' {
			if key, i = member(b, i); i < 0 {
				return i
			}
		}
		if visit == nil {
			i = valueEnd(b, i, depth+1)
		} else {
			i = visit(key, i)
		}
		if i < 0 {
			return i
		}
		switch i = SkipSpace(b, i); {
		case i >= len(b):
			return torn
		case b[i] == closer:
			return i + 1
		case b[i] != ',':
			return unexpected(i)
		}
		i = SkipSpace(b, i+1)
	}
}

// member takes a key and a colon, and returns where the value begins.
func member(b []byte, i int) (key []byte, begin int) {
	if i < len(b) && b[i] != '"' {
		return nil, unexpected(i)
	}
	end := stringEnd(b, i)
	if end < 0 {
		return nil, end
	}
	switch colon := SkipSpace(b, end); {
	case colon >= len(b):
		return nil, torn
	case b[colon] != ':':
		return nil, unexpected(colon)
	default:
		return b[i+1 : end-1], SkipSpace(b, colon+1)
	}
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
			return torn
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = escapeEnd(b, i+1); i < 0 {
				return i
			}
		case c < 0x20:
			return unexpected(i)
		default:
			i++
		}
	}
}

// escapeEnd takes what stands behind a backslash.
func escapeEnd(b []byte, i int) int {
	if i >= len(b) {
		return torn
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for range 4 {
			if i++; i >= len(b) {
				return torn
			}
			if c := b[i]; !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return unexpected(i)
			}
		}
		return i + 1
	}
	return unexpected(i)
}

func wordEnd(b []byte, i int, word string) int {
	for k := range len(word) {
		if i+k >= len(b) {
			return torn
		}
		if b[i+k] != word[k] {
			return unexpected(i + k)
		}
	}
	return i + len(word)
}

func numberEnd(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = digitsEnd(b, i); i < 0 {
		return i
	}
	if i < len(b) && b[i] == '.' {
		if i = digitsEnd(b, i+1); i < 0 {
			return i
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
	switch {
	case i > begin:
		return i
	case i >= len(b):
		return torn
	}
	return unexpected(i)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
