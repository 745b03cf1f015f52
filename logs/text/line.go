package text

import (
	"regexp"
	"strings"
)

// Messages for agents are wrapped by their reader in tags of these names (the last two by Claude Code). Text that carried
// one could end the wrapping early and speak with the reader's voice.
var wrapper = regexp.MustCompile(`(?i)<(/?)(external-content|agent-message|channel|system-reminder)`)

// Line makes one printable line of at most limit characters of s, in which no wrapping tag stands.
func Line(s string, limit int) string {
	// What is cut away anyway need not be cleaned first: a title may be megabytes long.
	if most := limit * 16; len(s) > most {
		s = s[:most]
	}
	return breakTags(Cut(strings.TrimSpace(Clean(s)), limit))
}

// ForAgent makes text from outside fit for an agent that reads it as data: at most limit characters, clean line by line, and without the
// tags in which agents' programs wrap what they say themselves.
func ForAgent(s string, limit int) string {
	if most := limit * 16; len(s) > most {
		s = s[:most]
	}
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(Clean(l), " ")
	}
	return breakTags(Cut(strings.TrimSpace(strings.Join(lines, "\n")), limit))
}

func breakTags(s string) string {
	if !strings.Contains(s, "<") {
		return s
	}
	return wrapper.ReplaceAllString(s, "< $1$2")
}
