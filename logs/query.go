package logs

import (
	"errors"
	"strconv"
	"time"
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

// Counts is the log by event and in all.
type Counts struct {
	Total   int
	Pending int // records with a pending notification
	Failed  int // records with a notification that failed for good
	Events  map[string]int
}

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
