package logs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"hookctl/logs/disk"
	"hookctl/logs/jsonscan"
)

var (
	errNoRecord = errors.New("not a record: neither event_type nor timestamp")
	errTooLarge = errors.New("too large for a record")
)

// maxRecordFile is twice what the largest record takes, whose payload has at most 64 MiB. Larger files are another
// program's, and are not read into memory.
const maxRecordFile = 128 << 20

// splitPayload finds the top-level key "payload" and returns the object
// without it (closed again, so that it is JSON) and the payload's bytes.
func splitPayload(data []byte) (head, payload []byte, err error) {
	data = jsonscan.TrimSpace(data)
	cut, start, err := findPayload(data)
	if err != nil {
		return nil, nil, err
	}
	end := cut
	if start < 0 {
		head = data[:cut+1]
	} else {
		if end, err = jsonscan.SkipValue(data, start); err != nil {
			return nil, nil, err
		}
		payload = data[start:end]
		head = append(append(make([]byte, 0, cut+1), data[:cut]...), '}')
		if end = jsonscan.SkipSpace(data, end); end < len(data) && data[end] == ',' {
			// Another program put keys behind the payload: keep them.
			if data[cut-1] == '{' {
				end++
			}
			return append(head[:cut], data[end:]...), payload, nil
		}
	}
	switch {
	case end == len(data):
		return nil, nil, jsonscan.ErrTorn
	case data[end] != '}' || end != len(data)-1:
		return nil, nil, jsonscan.ErrSyntax
	}
	return head, payload, nil
}

// findPayload walks the top-level keys of an object up to "payload". cut is
// where the object without it ends (before the comma), start where the
// payload's value begins; start is -1 when the object ends without one. A
// buffer that ends before either gives jsonscan.ErrTorn.
func findPayload(data []byte) (cut, start int, err error) {
	cut, start = jsonscan.SkipSpace(data, 0)+1, -1
	end, err := jsonscan.Scan(data, func(key []byte, begin int) int {
		if string(key) == "payload" {
			start = begin
			return -1
		}
		end, _ := jsonscan.SkipValue(data, begin)
		if end > 0 {
			cut = end
		}
		return end
	})
	switch {
	case start >= 0:
		return cut, start, nil
	case err != nil:
		return 0, 0, err
	}
	return end - 1, -1, nil
}

// readHead reads the entry of a record without its payload, of which only the very end is
// looked at: a file that was not written to its end is torn. Most heads are
// found in the first read, which buf is for.
func readHead(f io.ReaderAt, size int64, buf []byte) (Entry, error) {
	if size > maxRecordFile {
		return Entry{}, errTooLarge
	}
	for n := int64(len(buf)); ; n *= 8 {
		if n = min(n, size); n > int64(len(buf)) {
			buf = make([]byte, n)
		}
		data := buf[:n]
		if got, err := f.ReadAt(data, 0); int64(got) < n {
			return Entry{}, errors.Join(jsonscan.ErrTorn, err)
		}
		e, err := headOf(data, n == size)
		if errors.Is(err, jsonscan.ErrTorn) && n < size {
			continue
		}
		if err != nil || n == size {
			return e, err
		}
		tail := make([]byte, 2)
		if _, err := f.ReadAt(tail, size-2); err != nil {
			return e, fmt.Errorf("read the end: %w", err)
		}
		if t := jsonscan.TrimSpace(tail); len(t) == 0 || t[len(t)-1] != '}' {
			return e, jsonscan.ErrTorn
		}
		return e, nil
	}
}

// headRead is how much of a file is read first: larger than nearly every head.
const headRead = 4 << 10

// headOf makes an entry, without file and size, of the beginning of a file or of all of it. buf is as before when it returns.
func headOf(buf []byte, whole bool) (Entry, error) {
	if whole {
		head, _, err := splitPayload(buf)
		if err != nil {
			return Entry{}, err
		}
		return entryOf(head)
	}
	cut, start, err := findPayload(buf)
	if err != nil {
		return Entry{}, err
	}
	if start < 0 {
		return Entry{}, jsonscan.ErrTorn // the object ends here and the file does not
	}
	was := buf[cut]
	buf[cut] = '}'
	e, err := entryOf(buf[:cut+1])
	buf[cut] = was
	if errors.Is(err, errNoRecord) {
		err = jsonscan.ErrTorn // the keys may stand behind the payload
	}
	return e, err
}

// entryOf makes an entry of an object without its payload.
func entryOf(head []byte) (Entry, error) {
	if e, ok := readEntryHead(head); ok {
		return e, nil
	}
	r := new(Record)
	if err := r.decodeHead(head); err != nil {
		return Entry{}, err
	}
	return r.Entry(0), nil
}

// decodeRecord reads a whole file.
func decodeRecord(file string, data []byte) (*Record, error) {
	r := new(Record)
	if err := r.UnmarshalJSON(data); err != nil {
		return nil, &TornError{File: file, Err: err}
	}
	r.File = file
	return r, nil
}

// problem is a file that is no whole record, as it was when it was read.
type problem struct {
	Problem
	size, mtime int64
}

// readFiles reads the heads of files in parallel. Files that are gone are
// left out. Entries come in the order of names from the oldest.
func (x *index) readFiles(ctx context.Context, names []string) ([]Entry, []problem, error) {
	type result struct {
		entry Entry
		err   error
		size  int64
		mtime int64
	}
	results := make([]result, len(names))
	sideBySide(runtime.GOMAXPROCS(0), len(names), func(each iter.Seq[int]) {
		buf := make([]byte, headRead)
		for i := range each {
			if res := &results[i]; ctx.Err() == nil {
				res.entry, res.size, res.mtime, res.err = x.readEntry(names[i], buf)
			}
		}
	})
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	var entries []Entry
	var problems []problem
	for i := len(results) - 1; i >= 0; i-- {
		switch res := &results[i]; {
		case res.err == nil:
			entries = append(entries, res.entry)
		case !errors.Is(res.err, fs.ErrNotExist):
			problems = append(problems, problem{Problem{File: names[i], Reason: res.err.Error()}, res.size, res.mtime})
		}
	}
	return entries, problems, nil
}

// ofRuns are the events that [RunOf] reads.
func ofRuns(event string) bool {
	return slices.Contains([]string{"workflow_run", "check_run", "status", "push", "delete"}, event)
}

// olderRuns is how far back the payloads of records are read for what [Run] has, which the first version did not note.
const olderRuns = 8 * 24 * time.Hour

// readRun reads the payload of a record of the first version.
func (e *Entry) readRun(f io.ReaderAt) {
	data := make([]byte, e.Size)
	if n, _ := f.ReadAt(data, 0); int64(n) < e.Size {
		return
	}
	if _, payload, err := splitPayload(data); err == nil {
		members, _ := jsonscan.Object(payload)
		var branch string
		e.run, branch = RunOf(e.Event, members)
		e.Branch = cmp.Or(e.Branch, branch)
	}
}

// readEntry reads the head of one file, into buf as far as that goes.
func (x *index) readEntry(name string, buf []byte) (e Entry, size, mtime int64, err error) {
	f, err := disk.Open(filepath.Join(x.logDir, name))
	if err != nil {
		return e, 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return e, 0, 0, err
	}
	size, mtime = info.Size(), info.ModTime().UnixNano()
	if e, err = readHead(f, size, buf); err != nil {
		return e, size, mtime, err
	}
	e.File, e.Size, e.modified = name, size, info.ModTime()
	if e.run == (Run{}) && ofRuns(e.Event) && time.Since(e.ReceivedAt) < olderRuns {
		e.readRun(f)
	}
	if e.ReceivedAt.IsZero() {
		// A foreign file without a time; its name may have one.
		e.ReceivedAt = info.ModTime()
		if t, ok := nameTime(name); ok {
			e.ReceivedAt = t
		}
		e.key = orderKey(e.ReceivedAt)
	}
	return e, size, mtime, nil
}

func (x *index) exists(name string) bool {
	_, err := os.Lstat(filepath.Join(x.logDir, name))
	return err == nil
}

func (x *index) changed(name string, size, mtime int64) bool {
	info, err := os.Lstat(filepath.Join(x.logDir, name))
	return err == nil && (info.Size() != size || info.ModTime().UnixNano() != mtime)
}
