package secret

import "strings"

// envLine is one line of a .env file, or several where a quoted value spans them. Its parts, joined, are the
// bytes that were read.
type envLine struct {
	before string // up to the value: indentation, "export ", name, "="; or the whole of a line that assigns nothing
	name   string // "" for a line that assigns nothing
	quoted string // the value as written, with its quotes
	value  string // the value meant
	after  string // blanks, comment and line end
}

func (l envLine) String() string { return l.before + l.quoted + l.after }

// parseEnv splits text into lines. It never fails: what it does not understand is a line that assigns nothing.
// Comments are understood as shells do: a "#" after a blank. There is no expansion of $NAME.
func parseEnv(text string) []envLine {
	var lines []envLine
	for text != "" {
		line, rest := parseLine(text)
		lines = append(lines, line)
		text = rest
	}
	return lines
}

func parseLine(text string) (line envLine, rest string) {
	end := len(text)
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		end = i + 1
	}
	const byteOrderMark = "\ufeff" // which some editors put at the start of a file
	at := skipBlanks(text[:end], len(text)-len(strings.TrimPrefix(text, byteOrderMark)))
	if word := text[at:end]; strings.HasPrefix(word, "export") && skipBlanks(word, 6) > 6 {
		at += skipBlanks(word, 6)
	}
	from := at
	for at < end && isNameByte(text[at], at == from) {
		at++
	}
	name := text[from:at]
	at = skipBlanks(text[:end], at)
	if name == "" || at >= end || text[at] != '=' {
		return envLine{before: text[:end]}, text[end:]
	}
	at = skipBlanks(text[:end], at+1)
	line = envLine{before: text[:at], name: name}
	if at < end && (text[at] == '\'' || text[at] == '"') {
		if quoted, value, ok := parseQuoted(text[at:]); ok {
			stop := at + len(quoted)
			tail := len(text) - stop
			if i := strings.IndexByte(text[stop:], '\n'); i >= 0 {
				tail = i + 1
			}
			after := text[stop : stop+tail]
			// Anything but blanks and a comment behind the closing quote means that the value is not quoted.
			if trimmed := strings.TrimLeft(after, " \t\r\n"); trimmed == "" || (trimmed[0] == '#' && trimmed != after) {
				line.quoted, line.value, line.after = quoted, value, after
				return line, text[stop+tail:]
			}
		}
	}
	plain := text[at:end]
	stop := len(plain)
	for i := range len(plain) {
		// The blank before a "#" may be one that was skipped after the "=".
		if plain[i] == '#' && isBlank(text[at+i-1]) {
			stop = i
			break
		}
	}
	plain = strings.TrimRight(plain[:stop], " \t\r\n")
	if plain == "" {
		// Blanks before a comment belong to it, so that a value that is put in between does not touch it.
		at = len(strings.TrimRight(text[:at], " \t"))
		line.before = text[:at]
	}
	line.quoted, line.value, line.after = plain, plain, text[at+len(plain):end]
	return line, text[end:]
}

// parseQuoted reads a quoted value at the start of text. In single quotes everything is literal; in double quotes a
// backslash escapes n, r, t, the quote, the dollar, the backquote and itself.
func parseQuoted(text string) (quoted, value string, ok bool) {
	quote := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			return text[:i+1], b.String(), true
		case c == '\\' && quote == '"' && i+1 < len(text):
			i++
			switch next := text[i]; next {
			case 'n':
				b.WriteByte('\n')
			case 'r':
				b.WriteByte('\r')
			case 't':
				b.WriteByte('\t')
			case '"', '\\', '$', '`':
				b.WriteByte(next)
			default:
				b.WriteByte(c)
				b.WriteByte(next)
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// quotings are the ways to write a value so that parseEnv and a shell read it back, the best first: in the manner of
// the value that it replaces.
func quotings(value, replaced string) []string {
	double := `"` + doubleQuoted.Replace(value) + `"`
	ways := make([]string, 0, 3)
	single := !strings.ContainsAny(value, "'\r\n")
	switch {
	case strings.HasPrefix(replaced, "'") && single:
		ways = append(ways, "'"+value+"'")
	case !strings.HasPrefix(replaced, "'") && !strings.HasPrefix(replaced, `"`) && isPlain(value):
		ways = append(ways, value)
	}
	ways = append(ways, double)
	if single {
		ways = append(ways, "'"+value+"'")
	}
	return ways
}

// doubleQuoted escapes what has a meaning in double quotes, and line breaks, so that a value keeps to one line.
var doubleQuoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`", "\n", `\n`, "\r", `\r`)

func isPlain(value string) bool {
	for i := range len(value) {
		c := value[i]
		if !isNameByte(c, false) && !strings.ContainsRune("-./:@%+,=", rune(c)) {
			return false
		}
	}
	return true
}

func isNameByte(c byte, first bool) bool {
	return c == '_' || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || (!first && '0' <= c && c <= '9')
}

func isName(name string) bool {
	for i := range len(name) {
		if !isNameByte(name[i], i == 0) {
			return false
		}
	}
	return name != ""
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func skipBlanks(text string, at int) int {
	for at < len(text) && isBlank(text[at]) {
		at++
	}
	return at
}
