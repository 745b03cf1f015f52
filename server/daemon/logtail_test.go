package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLogTailReadsWhatIsNew(t *testing.T) {
	const most = 4 << 10
	home := t.TempDir()
	path := LogFile(home)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	tail := LogTail{Home: home}
	read := func() string {
		t.Helper()
		next, lines, err := tail.Next(most)
		if err != nil {
			t.Fatal(err)
		}
		tail = next
		return strings.Join(lines, "|")
	}
	put := func(text string, flag int) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(); got != "" {
		t.Errorf("a missing file has %q", got)
	}
	put("one\ntwo\nthr", os.O_APPEND)
	if got := read(); got != "one|two" {
		t.Errorf("got %q", got)
	}
	put("ee\n", os.O_APPEND)
	if got := read(); got != "three" {
		t.Errorf("got %q", got)
	}
	if got := read(); got != "" {
		t.Errorf("read twice: %q", got)
	}
	put("new\n", os.O_TRUNC) // cut by a rotation that copies
	if got := read(); got != "new" {
		t.Errorf("after a cut: %q", got)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	put("other file\n", 0)
	if got := read(); got != "other file" {
		t.Errorf("after a rotation: %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	put(strings.Repeat("x", most)+"\nlast\n", 0)
	tail = LogTail{Home: home}
	if got := read(); got != "last" {
		t.Errorf("a large file begins with %d bytes", len(got))
	}
}
