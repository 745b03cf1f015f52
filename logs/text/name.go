package text

import (
	"strings"
)

// What names from outside may look like. Regular expressions would say the same and take twenty times as long, for every
// delivery.

// IsRepository allows owner/name, each [A-Za-z0-9._-]{1,100}.
func IsRepository(s string) bool {
	owner, name, _ := strings.Cut(s, "/")
	return MadeOf(owner, 1, 100, IsWord) && MadeOf(name, 1, 100, IsWord)
}

// IsDeliveryID allows [A-Za-z0-9-]{1,64}, which is more than a GUID.
func IsDeliveryID(s string) bool {
	return MadeOf(s, 1, 64, func(c byte) bool { return IsWord(c) && c != '.' && c != '_' })
}

// IsNonce allows [A-Za-z0-9._-]{1,128}.
func IsNonce(s string) bool { return MadeOf(s, 1, 128, IsWord) }

// SHA is s where that may be the hash of a commit, [0-9a-f]{7,64} and not of zeros alone, as GitHub writes "none"; else "".
func SHA(s string) string {
	if MadeOf(s, 7, 64, func(c byte) bool { return IsDigit(c) || 'a' <= c && c <= 'f' }) && strings.Trim(s, "0") != "" {
		return s
	}
	return ""
}

// MadeOf says whether s has from least to most bytes and all of them are fit.
func MadeOf(s string, least, most int, fit func(byte) bool) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		if !fit(s[i]) {
			return false
		}
	}
	return true
}

// IsWord allows [A-Za-z0-9._-].
func IsWord(c byte) bool {
	return IsDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '.' || c == '_' || c == '-'
}

// IsDigit allows [0-9].
func IsDigit(c byte) bool { return '0' <= c && c <= '9' }
