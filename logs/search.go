package logs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"hookctl/logs/disk"
	"hookctl/logs/jsonscan"
)

// All returns the entries that a filter chooses, newest first (but see
// [Query]), in memory for a few pages, however many there are. It ends with
// the first error. For a filter that looks into payloads it reads the files of
// all that its other terms leave; progress, which may be nil, gets how many
// of them it has looked at.
func (l *Log) All(ctx context.Context, f Filter, progress func(Progress)) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := l.Settle(ctx); err != nil {
			yield(Entry{}, err)
			return
		}
		l.each(ctx, Query{Filter: f}, progress, yield)
	}
}

const (
	firstChunk = 50 // small, so that there is something to see
	fullChunk  = 1000
)

// each yields the entries of a query from its cursor on, however many there are. Its limit is how many are asked for first.
func (l *Log) each(ctx context.Context, q Query, progress func(Progress), yield func(Entry, error) bool) {
	rest, words := q.Filter.split()
	var p Progress
	if len(words) > 0 && progress != nil {
		from, args := l.counted(ctx, rest)
		n, err := l.index.number(ctx, "SELECT count(*)"+from, args...)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		p.Total = int(n)
	}
	s := payloadSearch{dir: l.cfg.Dir, words: words}
	q.Filter, q.Limit = rest, cmp.Or(q.Limit, firstChunk)
	for {
		list, err := l.rows(ctx, q)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		last := len(list) < q.Limit
		if len(list) > 0 {
			q.Cursor = list[len(list)-1].Cursor()
		}
		p.Done += len(list)
		if list, err = s.filter(ctx, list); err != nil {
			yield(Entry{}, err)
			return
		}
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
		if len(words) > 0 && progress != nil {
			progress(p)
		}
		if last {
			return
		}
		q.Limit = fullChunk
	}
}

// Match says whether the filter chooses the entry. It reads the record where the filter looks into payloads.
func (l *Log) Match(ctx context.Context, f Filter, e Entry) (bool, error) {
	rest, words := f.split()
	if matches := rest.Match(e); !matches || len(words) == 0 {
		return matches, nil
	}
	if err := l.Settle(ctx); err != nil {
		return false, err
	}
	s := payloadSearch{dir: l.cfg.Dir, words: words}
	list, err := s.filter(ctx, []Entry{e})
	return len(list) == 1, err
}

// payloadSearch looks for words in the payloads of records.
type payloadSearch struct {
	dir   string
	words []term
}

// filter leaves of entries those whose payload has what is looked for, in their order. Files that are gone are left out.
func (s *payloadSearch) filter(ctx context.Context, list []Entry) ([]Entry, error) {
	if len(s.words) == 0 {
		return list, nil
	}
	found, errs := make([]bool, len(list)), make([]error, len(list))
	sideBySide(runtime.GOMAXPROCS(0), len(list), func(each iter.Seq[int]) {
		var buf []byte
		for i := range each {
			if errs[i] = ctx.Err(); errs[i] == nil {
				found[i], buf, errs[i] = s.match(list[i].File, buf)
			}
		}
	})
	if err := cmp.Or(ctx.Err(), errors.Join(errs...)); err != nil {
		return nil, err
	}
	i := 0
	return slices.DeleteFunc(list, func(Entry) bool { i++; return !found[i-1] }), nil
}

// match reads a file into buf, which it returns for the next.
func (s *payloadSearch) match(file string, buf []byte) (found bool, _ []byte, err error) {
	f, err := disk.Open(filepath.Join(s.dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		return false, buf, nil
	}
	if err != nil {
		return false, buf, err
	}
	defer f.Close()
	for buf = buf[:0]; len(buf) <= maxRecordFile; {
		buf = slices.Grow(buf, 16<<10)
		n, err := f.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, buf, &os.PathError{Op: "search", Path: file, Err: err}
		}
	}
	for i, c := range buf {
		if 'A' <= c && c <= 'Z' {
			buf[i] = c | 0x20
		}
	}
	buf = buf[jsonscan.SkipSpace(buf, 0):]
	payload := -1 // where it begins, once that is asked
	for i := range s.words {
		t := &s.words[i]
		has := slices.ContainsFunc(t.values, func(word string) bool {
			if !bytes.Contains(buf, []byte(word)) {
				return false // most are done with here
			}
			if payload < 0 {
				if _, payload, err = findPayload(buf); err != nil || payload < 0 {
					payload, err = len(buf), nil // it has none
				}
			}
			return bytes.Contains(buf[payload:], []byte(word))
		})
		if has == t.not {
			return false, buf, nil
		}
	}
	return true, buf, nil
}
