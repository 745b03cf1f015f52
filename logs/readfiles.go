package logs

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"hookctl/logs/disk"
)

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
	workers := min(runtime.GOMAXPROCS(0), len(names))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			buf := make([]byte, headRead)
			for i := w; i < len(names) && ctx.Err() == nil; i += workers {
				res := &results[i]
				res.entry, res.size, res.mtime, res.err = x.readEntry(names[i], buf)
			}
		})
	}
	wg.Wait()
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

// olderRuns is how far back the payloads of records are read for what [Run] has, which earlier versions did not note.
const olderRuns = 8 * 24 * time.Hour

// readRun reads the payload of a record of an earlier version.
func (e *Entry) readRun(f io.ReaderAt) {
	data := make([]byte, e.Size)
	if n, _ := f.ReadAt(data, 0); int64(n) < e.Size {
		return
	}
	if _, payload, err := splitPayload(data); err == nil {
		e.run = runOf(e.Event, payload)
		e.Branch = cmp.Or(e.Branch, e.run.Branch)
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
	if e.run == (Run{}) && ciEvent(e.Event) && time.Since(e.ReceivedAt) < olderRuns {
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
