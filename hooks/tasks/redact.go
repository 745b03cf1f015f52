package tasks

import "regexp"

// GitHub masks in a log the secrets that are registered with it. These are what others look like.
var (
	tokens = regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_[A-Za-z0-9_]{16,}|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bxox[a-z]-[A-Za-z0-9-]{8,}|` +
		`\bsk-[A-Za-z0-9_-]{16,}|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*|\bglpat-[A-Za-z0-9_-]{16,}|\bnpm_[A-Za-z0-9]{30,}`)
	bearer   = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}`)
	assigned = regexp.MustCompile(`(?i)((?:token|secret|password|passwd|passphrase|key|credentials?)["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s"',;&]+)`)
	inURL    = regexp.MustCompile(`([a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s/@]+@`)
)

const removed = "[removed]"

// redact takes what looks like a secret out of a line.
func redact(line string) string {
	line = tokens.ReplaceAllString(line, removed)
	line = bearer.ReplaceAllString(line, "${1} "+removed)
	line = inURL.ReplaceAllString(line, "${1}"+removed+"@")
	return assigned.ReplaceAllStringFunc(line, func(found string) string {
		m := assigned.FindStringSubmatchIndex(found)
		return found[:m[3]] + removed
	})
}
