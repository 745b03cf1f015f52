package tasks

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

func excerptOf(t *testing.T, log string) []string {
	t.Helper()
	e, err := readExcerpt(strings.NewReader(log), nil)
	if err != nil {
		t.Fatal(err)
	}
	return e.Lines
}

func TestExcerptIsReadable(t *testing.T) {
	got := strings.Join(excerptOf(t, "\ufeff2026-11-28T09:00:00.1234567Z ##[group]Run npm test\n"+
		"2026-11-28T09:00:00.1234567Z \x1b[36;1mnpm test\x1b[0m\n"+
		"2026-11-28T09:00:00.1234567Z shell: /usr/bin/bash -e {0}\n"+
		"2026-11-28T09:00:00.1234567Z env:\n2026-11-28T09:00:00.1234567Z   DEPLOY: hunter2\n"+
		"2026-11-28T09:00:00.1234567Z ##[endgroup]\n"+
		"2026-11-28T09:00:01.1234567Z \x1b[31mFAIL\x1b[0m widgets_test.go:12: square\r\n\n\n\n"+
		"2026-11-28T09:00:01.1234567Z ##[error]Process completed with exit code 1.\n"), "\n")
	want := "Run npm test\nFAIL widgets_test.go:12: square\n\nError: Process completed with exit code 1."
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExcerptHoldsNoSecret(t *testing.T) {
	long := strings.Repeat("A1b2", 10)
	for name, line := range map[string]string{
		"token of GitHub": "git clone with ghp_" + long, "fine-grained token": "github_pat_" + long, "key of AWS": "id AKIAIOSFODNN7EXAMPLE is used",
		"header": "Authorization: Bearer " + long, "token of Slack": "xoxb-" + long, "key of an API": "sk-" + long,
		"assignment": "DB_PASSWORD=" + long, "in JSON": `{"api_key": "` + long + `"}`, "quoted": "token='" + long + " and more'",
		"in a URL": "https://user:" + long + "@example.com/x", "coloured": "ghp_\x1b[31m" + long, "private key": "-----BEGIN RSA PRIVATE KEY-----\n" + long + "\n" + long + "\n-----END RSA PRIVATE KEY-----",
		"private key on one line": `"-----BEGIN PRIVATE KEY-----\n` + long + `\n-----END PRIVATE KEY-----"`, "mask": "::add-mask::" + long,
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(excerptOf(t, "before\n"+line+"\nafter\n"), "\n")
			if strings.Contains(got, long) || strings.Contains(got, "AKIAIOSFODNN7EXAMPLE") {
				t.Errorf("the secret is shown: %s", got)
			}
			if !strings.HasPrefix(got, "before") || !strings.HasSuffix(got, "after") {
				t.Errorf("other lines are lost: %s", got)
			}
		})
	}
}

// repeated gives a pattern until so many bytes were read.
type repeated struct {
	pattern []byte
	left    int
	read    int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && r.left > 0 {
		k := copy(p[n:min(len(p), n+r.left)], r.pattern)
		n, r.left = n+k, r.left-k
	}
	r.read += n
	return n, nil
}

func TestExcerptOfLargeLogs(t *testing.T) {
	random := make([]byte, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	for name, log := range map[string]*repeated{
		"200 MB of lines":   {pattern: []byte("2026-11-28T09:00:00.1234567Z compiling\n"), left: 200 << 20},
		"one endless line":  {pattern: []byte("x"), left: 80 << 20},
		"200 MB of binary":  {pattern: random, left: 200 << 20},
		"lines at the edge": {pattern: bytes.Repeat([]byte("é"), 5000), left: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "one endless line" {
				log.pattern = bytes.Repeat([]byte("x"), 4096)
			}
			large := log.left > excerptRead
			e, err := readExcerpt(log, nil)
			if err != nil {
				t.Fatal(err)
			}
			if e.Cut != large || log.read > excerptRead+(64<<10) {
				t.Errorf("cut %t, read %d bytes", e.Cut, log.read)
			}
			if len(e.Lines) > excerptLines {
				t.Errorf("%d lines", len(e.Lines))
			}
			for _, l := range e.Lines {
				if utf8.RuneCountInString(l) > excerptWidth || !utf8.ValidString(l) {
					t.Fatalf("a line of %d characters: %q", utf8.RuneCountInString(l), l)
				}
			}
		})
	}
}

func TestExcerptKeepsTheEnd(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	lines := excerptOf(t, b.String())
	if len(lines) != excerptLines || lines[0] != "line 800" || lines[199] != "line 999" {
		t.Errorf("%d lines, from %q to %q", len(lines), lines[0], lines[len(lines)-1])
	}
}

func FuzzExcerpt(f *testing.F) {
	f.Add("2026-11-28T09:00:00Z ##[group]Run x\n##[endgroup]\n-----BEGIN PRIVATE KEY-----\nabc")
	f.Fuzz(func(t *testing.T, log string) {
		e, err := readExcerpt(strings.NewReader(log), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range e.Lines {
			if strings.ContainsAny(l, "\x1b\n\r\x00") || !utf8.ValidString(l) {
				t.Fatalf("%q holds what a terminal obeys", l)
			}
		}
	})
}
