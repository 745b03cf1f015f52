package logs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"hookctl/logs/text"
)

// Query asks for one page. Order is always newest first.
type Query struct {
	Filter Filter
	// Cursor is the entry to start from, which is not itself in the page.
	// The zero Cursor stands for the end of the log that the direction
	// starts from: the newest page, or with Newer the oldest.
	Cursor Cursor
	Newer  bool // the entries next newer than Cursor, instead of next older
	Limit  int  // at most this many; 0 means 100
}

// Cursor is a place in the log. Take it from an Entry.
type Cursor struct{ key int64 }

// IsZero says whether the cursor is no place.
func (c Cursor) IsZero() bool { return c.key == 0 }

// String is the cursor as text for [ParseCursor], "" for the zero Cursor.
func (c Cursor) String() string {
	if c.IsZero() {
		return ""
	}
	return strconv.FormatInt(c.key, 36)
}

// ParseCursor reads what [Cursor.String] wrote.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	key, err := strconv.ParseInt(s, 36, 64)
	if err != nil || key <= 0 {
		return Cursor{}, errors.New("not a cursor of an earlier page")
	}
	return Cursor{key}, nil
}

// Cursor returns the entry's place, from which a Query goes on.
func (e Entry) Cursor() Cursor { return Cursor{e.key} }

// Page is part of the log, newest first.
type Page struct {
	Entries            []Entry
	HasOlder, HasNewer bool
	// Building says that the index is still being made, so that older
	// records may be missing for now.
	Building bool
	Progress Progress
}

// Progress of making the index.
type Progress struct{ Done, Total int }

// Rate is how many records one span of time brought.
type Rate struct {
	Start  time.Time
	Events map[string]int
	Total  int
}

// Problem is a file in the directory that is no whole record.
type Problem struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

const defaultLimit = 100

// Find returns the records of a delivery GUID, newest first.
func (l *Log) Find(ctx context.Context, guid string) ([]Entry, error) {
	if guid == "" {
		return nil, nil
	}
	return ask(ctx, l, scanEntry, "SELECT "+columns+" FROM record WHERE delivery = ? AND delivery <> '' ORDER BY id DESC", guid)
}

// Entry returns the line of a record in a list; ErrNotFound where the index has no such file.
func (l *Log) Entry(ctx context.Context, file string) (Entry, error) {
	list, err := ask(ctx, l, scanEntry, "SELECT "+columns+" FROM record WHERE file = ?", file)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%w: %q", ErrNotFound, file)
	}
	if err != nil {
		return Entry{}, err
	}
	return list[0], nil
}

// Resolve returns the file of a record that is called by the file's name or path, by its delivery's GUID, or latest. ErrNotFound says
// that no record has that GUID, ErrBuilding besides that the index may yet have it, and ErrEmpty that there is no latest; whether a file is
// there, only reading it shows.
func (l *Log) Resolve(ctx context.Context, name string) (file string, err error) {
	if name == "latest" || filepath.Base(name) == "latest.json" { // the link in the log directory
		page, err := l.Page(ctx, Query{Limit: 1})
		if err == nil && len(page.Entries) == 0 {
			err = ErrEmpty
		}
		if err != nil {
			return "", err
		}
		return page.Entries[0].File, nil
	}
	if strings.HasSuffix(name, ".json") {
		return filepath.Base(name), nil
	}
	now := l.rec.state() // before the look: what comes after it may not be in it
	entries, err := l.Find(ctx, name)
	if err == nil && len(entries) == 0 {
		if err = fmt.Errorf("%w: %q", ErrNotFound, name); !now.complete {
			err = fmt.Errorf("%w: %w", err, &buildingError{now.progress})
		}
	}
	if err != nil {
		return "", err
	}
	return entries[0].File, nil
}

// buildingError is an ErrBuilding with how far the index is.
type buildingError struct{ at Progress }

func (e *buildingError) Error() string {
	if e.at.Total == 0 {
		return ErrBuilding.Error()
	}
	return fmt.Sprintf("%v: %s of %s", ErrBuilding, text.Thousands(e.at.Done), text.Count(e.at.Total, "record"))
}

// Is makes it an ErrBuilding.
func (e *buildingError) Is(target error) bool { return target == ErrBuilding }

// Known returns whether a delivery was recorded: its GUID at a path, as
// [PathName] names it. It stays known for eight days at least, also when its
// record was pruned. One that is being recorded now is waited for. file is the
// name of its record.
func (l *Log) Known(ctx context.Context, guid, path string) (file string, known bool, err error) {
	id := identity{asciiLower(guid), path}
	if guid == "" {
		return "", false, nil
	}
	if l.writer != nil {
		if err := until(ctx, l.writer.ready); err != nil {
			return "", false, err
		}
		if err := l.writer.landed(ctx, id); err != nil {
			return "", false, err
		}
		if file, err = l.writer.known(ctx, id); err != nil || file != "" {
			return file, file != "", err
		}
	} else if file, err = l.ledger.find(ledgerPath(l.cfg.Dir), id); err != nil || file != "" {
		return file, file != "", err
	}
	// Of a record that is older than what the ledger is for; an answer that cannot be had is no answer.
	file, err = l.index.fileOf(ctx, id)
	return file, file != "", err
}
