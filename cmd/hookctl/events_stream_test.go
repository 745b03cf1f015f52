package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"hookctl/logs"
)

// A list of a million records is printed while it is read.
func TestTheTableOfAllRecordsIsStreamed(t *testing.T) {
	var out bytes.Buffer
	p := &program{out: &out, err: io.Discard}
	long := strings.Repeat("x", 60) + ".json"
	err := p.streamTable(func(yield func(logs.Entry, error) bool) {
		for i := range 2500 {
			if i == 1000 && out.Len() == 0 {
				t.Error("nothing is printed after a thousand records")
			}
			e := logs.Entry{File: "short.json", Event: "push"}
			if i == 2000 {
				e.File = long
			}
			if !yield(e, nil) {
				return
			}
		}
	}, "none")
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if err != nil || len(lines) != 2501 || strings.Count(out.String(), "RECEIVED") != 1 || !strings.HasSuffix(lines[2001], long) {
		t.Errorf("%d lines, %v; %q", len(lines), err, lines[min(2001, len(lines)-1)])
	}
}

// So is what a jq expression makes of each record, as long as it does not need them all at once.
func TestJQOverAllRecordsIsStreamed(t *testing.T) {
	var out bytes.Buffer
	p := &program{out: &out, err: io.Discard}
	most := 0 // bytes that were not printed when a record was read
	each, _ := elementwise(".[].file")
	err := p.streamJQ(func(yield func(logs.Entry, error) bool) {
		for i := range 20_000 {
			most = max(most, i*len("short.json\n")-out.Len())
			if !yield(logs.Entry{File: "short.json", Event: "push"}, nil) {
				return
			}
		}
	}, each)
	if err != nil || out.String() != strings.Repeat("short.json\n", 20_000) || most > 70_000 {
		t.Errorf("%d bytes in all, up to %d of them waited, %v", out.Len(), most, err)
	}
}

// TestJQOfEachRecordIsThatOfAll compares the two ways to run an expression.
func TestJQOfEachRecordIsThatOfAll(t *testing.T) {
	list := []logs.Entry{{File: "a.json", Event: "push", Size: 1}, {File: "b.json", Event: "issues", Action: "opened", Size: 2}, {File: "<c>", Event: "push", HookID: 1<<60 + 1}}
	var all iter.Seq2[logs.Entry, error] = func(yield func(logs.Entry, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
	data, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	for expression, streams := range map[string]bool{
		".[]":            true,
		".[].file":       true,
		".[] | .hook_id": true,
		".[] | select(.event == \"push\") | .file":              true,
		".[] | [.file, .size] | @tsv":                           true,
		".[].file | ascii_upcase, length":                       true,
		".[]?.file?":                                            true,
		"def f: .file; .[] | f":                                 true,
		".[] | .event as $e | [$e, .file]":                      true,
		".[] | if .size == 2 then halt else .file end":          true,
		".[] | if .size == 2 then error(\"no\") else .file end": true,
		".[].file | tonumber":                                   true,
		".[0].file":                                             false,
		".[1:] | .[].file":                                      false,
		".[] as $x | length":                                    false,
		".[].size, length":                                      false,
		"map(.size) | add":                                      false,
		"[.[].file]":                                            false,
		"first(.[]).file":                                       false,
		"group_by(.event) | .[] | length":                       false,
		"label $out | .[] | ., break $out":                      false,
		"length":                                                false,
		"(.[] | .file)":                                         false,
		".[].size + 1":                                          false,
		".[].nothing // 7":                                      false,
	} {
		var want, got bytes.Buffer
		wantErr := runJQ(&want, expression, data)
		each, ok := elementwise(expression)
		if ok != streams {
			t.Errorf("%s is streamed: %v", expression, ok)
		}
		if !ok {
			continue
		}
		p := &program{out: &got, err: io.Discard}
		if err := p.streamJQ(all, each); got.String() != want.String() || (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Errorf("%s prints %q and %v, of the whole list %q and %v", expression, got.String(), err, want.String(), wantErr)
		}
	}
}

// unbuilt is a log of n records whose index is not made before build is called.
func unbuilt(t *testing.T, n int) (l *logs.Log, build func()) {
	dir := t.TempDir()
	if err := errors.Join(logs.Generate(t.Context(), dir, n, time.Now(), time.Hour, 1, nil), os.Mkdir(filepath.Join(dir, ".hookctl"), 0o700)); err != nil {
		t.Fatal(err)
	}
	building := flock.New(filepath.Join(dir, ".hookctl", "build.lock"))
	if err := building.Lock(); err != nil {
		t.Fatal(err)
	}
	l, err := logs.Open(t.Context(), logs.Config{Dir: dir})
	if err != nil {
		t.Fatal(errors.Join(err, building.Unlock()))
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, func() {
		if err := building.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
}

// A record that the index does not have yet is not called missing: who asks for it by its GUID waits, or reads why it was not found.
func TestRecordsAreFoundOnceTheIndexIsMade(t *testing.T) {
	t.Parallel()
	l, build := unbuilt(t, 40)
	files, err := filepath.Glob(filepath.Join(l.Dir(), "*_*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	record, err := l.Read(t.Context(), filepath.Base(files[0]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Resolve(t.Context(), record.DeliveryID); !errors.Is(err, logs.ErrBuilding) || !errors.Is(err, logs.ErrNotFound) ||
		!strings.Contains(err.Error(), "the index is still being made") {
		t.Fatalf("while the index is made: %v", err)
	}
	build()
	p := &program{err: io.Discard}
	if file, err := p.findRecord(t.Context(), l, record.DeliveryID); err != nil || file != filepath.Base(files[0]) {
		t.Errorf("found %q, not %q: %v", file, files[0], err)
	}
	if _, err := p.findRecord(t.Context(), l, "00000000-0000-4000-8000-000000000000"); !errors.Is(err, logs.ErrNotFound) || errors.Is(err, logs.ErrBuilding) {
		t.Errorf("a GUID that no record has: %v", err)
	}
}

// TestListsWaitForTheIndex opens a log while its index cannot be made yet. What is listed and counted then is not a part of it.
func TestListsWaitForTheIndex(t *testing.T) {
	t.Parallel()
	const n = 40
	for _, limit := range []int{0, n, n + 1, pageLimit + 1} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			l, build := unbuilt(t, n)
			build()
			p, got := &program{err: io.Discard}, 0
			for _, err := range p.found(t.Context(), l, logs.Filter{}, limit) {
				if got++; err != nil {
					t.Fatal(err)
				}
			}
			if got != n {
				t.Errorf("%d of %d records", got, n)
			}
		})
	}
}
