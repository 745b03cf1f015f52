package text

import (
	"encoding/json"
)

// JQKey is the step of a jq path to a key of an object: .name, or ["a name"] where it needs quotes. What a terminal would obey
// is spelled out, which means the same.
func JQKey(key string) string {
	if identifier(key) {
		return "." + key
	}
	b, _ := json.Marshal(key) // never fails
	return "[" + Spell(string(b)) + "]"
}

func identifier(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
