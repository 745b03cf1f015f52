package main

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// JSON, and what --jq makes of it, goes to programs as it is. A terminal gets nothing that it would obey.
func TestJSONOnATerminalIsNotObeyed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a pseudo-terminal")
	}
	const hostile = "a\x1b[2J\u009b31m\u202eb\u200b\U000e0041é"
	for _, o := range []output{{asJSON: true}, {jq: ".title"}} {
		var plain bytes.Buffer
		if err := o.print(&plain, map[string]string{"title": hostile}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plain.String(), "\u009b31m\u202e") {
			t.Errorf("%+v: a program gets %q", o, plain.String())
		}
		master, terminal, err := pty.Open()
		if err != nil {
			t.Skip("no pseudo-terminal here:", err)
		}
		if err := o.print(terminal, map[string]string{"title": hostile}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(terminal, "end\n"); err != nil {
			t.Fatal(err)
		}
		var got []byte
		for piece := make([]byte, 4096); !bytes.Contains(got, []byte("end")); {
			n, err := master.Read(piece)
			if got = append(got, piece[:n]...); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = terminal.Close(), master.Close()
		if strings.ContainsAny(string(got), "\x1b\u009b\u202e\u200b\U000e0041") || !strings.Contains(string(got), `\u009b31m\u202eb\u200b\udb40\udc41é`) {
			t.Errorf("%+v: a terminal gets %q", o, got)
		}
	}
}
