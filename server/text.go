package server

import (
	"strings"

	"hookctl/logs"
)

// What names from outside may look like. Regular expressions would say the same and take twenty times as long, for every
// delivery.

// isEventName allows what a record's file may be called after.
func isEventName(s string) bool { return logs.SafeEvent(s) == s }

// isRepository allows owner/name, each [A-Za-z0-9._-]{1,100}.
func isRepository(s string) bool {
	owner, name, _ := strings.Cut(s, "/")
	return madeOf(owner, 1, 100, isWord) && madeOf(name, 1, 100, isWord)
}

// isDeliveryID allows [A-Za-z0-9-]{1,64}, which is more than a GUID.
func isDeliveryID(s string) bool {
	return madeOf(s, 1, 64, func(c byte) bool { return isWord(c) && c != '.' && c != '_' })
}

// isNonce allows [A-Za-z0-9._-]{1,128}.
func isNonce(s string) bool { return madeOf(s, 1, 128, isWord) }

// madeOf says whether s has from least to most bytes and all of them are fit.
func madeOf(s string, least, most int, fit func(byte) bool) bool {
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

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '.' || c == '_' || c == '-'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
