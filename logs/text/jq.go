package text

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// JQKey is the step of a jq path to a key of an object: .name, or ["a name"] where it needs quotes. What a terminal would obey
// is spelled out, which means the same.
func JQKey(key string) string {
	if identifier(key) {
		return "." + key
	}
	return "[" + jqString(key) + "]"
}

// jqString writes a string for jq. What a terminal would obey is spelled out, which means the same.
func jqString(s string) string {
	b, _ := json.Marshal(s)
	var out strings.Builder
	for _, r := range string(b) {
		switch high, low := utf16.EncodeRune(r); {
		case r == ' ' || Clean(string(r)) == string(r):
			out.WriteRune(r)
		case high == unicode.ReplacementChar:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		}
	}
	return out.String()
}

func identifier(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
