package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// States of a record's sync beyond those of a notification: [StatusPending], [StatusFailed].
const (
	SyncDone      = "done"      // what had to be done at GitHub is done
	SyncSkipped   = "skipped"   // there was nothing to do; Text says why
	SyncSuggested = "suggested" // it waits for a person: hookctl sync apply KEY
)

// Sync is what project sync made of a record: the key sync of its file. A record that sync has nothing to do with has none.
type Sync struct {
	Status string `json:"status"`
	// Key names the failure, merge or block that it belongs to, for hookctl sync apply.
	Key      string    `json:"key,omitempty"`
	Text     string    `json:"text,omitempty"`  // what was done, or why not; one line
	Issue    int64     `json:"issue,omitempty"` // number of the issue, in the record's repository
	URL      string    `json:"url,omitempty"`   // of the issue
	Attempts int       `json:"attempts"`
	At       time.Time `json:"at,omitzero"`      // of the last attempt
	NextAt   time.Time `json:"next_at,omitzero"` // when the next attempt is due
	Error    string    `json:"error,omitempty"`
	Hint     string    `json:"hint,omitempty"` // what to do about Error
	// Notices are what the sinks get of it; each is also among the record's notifications.
	Notices []SyncNotice `json:"notices,omitempty"`
}

// SyncNotice is one message about what sync did.
type SyncNotice struct {
	Type     string         `json:"type"`
	Priority string         `json:"priority"`
	Subject  string         `json:"subject"`
	Message  string         `json:"message"`
	Context  map[string]any `json:"context,omitempty"`
	Sinks    []string       `json:"sinks,omitempty"` // names; none is all
	// Authors are the author associations of those whose words Message has, besides the author of the event, by login.
	Authors map[string]string `json:"authors,omitempty"`
}

func (s *Sync) pending() bool { return s != nil && s.Status == StatusPending }

// SetSync replaces the sync of a record; it is durable when it returns. The file follows soon after.
func (w *Writer) SetSync(ctx context.Context, file string, s Sync) error {
	name, err := w.outcomeOf(ctx, file)
	if err != nil {
		return fmt.Errorf("set sync: %w", err)
	}
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("set sync: %w", err)
	}
	if err := w.spool.commit(ctx, &commit{frame: newFrame(frameSync, name, data), file: name, sync: &s}); err != nil {
		return fmt.Errorf("set sync of %s: %w", file, err)
	}
	return nil
}

// PendingSync returns the files of records whose sync is pending, oldest first. Like [Writer.Pending] it lacks older ones until
// PendingComplete is closed, where what was known of them was lost.
func (w *Writer) PendingSync(ctx context.Context) ([]string, error) {
	if err := until(ctx, w.filer.ready); err != nil {
		return nil, err
	}
	return w.filer.filesOf(w.filer.syncing), nil
}

// outcomeOf resolves the name of a record that gets an outcome.
func (w *Writer) outcomeOf(ctx context.Context, file string) (string, error) {
	if !isRecordName(file) {
		return "", fmt.Errorf("%w: %q", ErrNotFound, file)
	}
	if err := until(ctx, w.filer.ready); err != nil {
		return "", err
	}
	name, ok := w.filer.has(file)
	if !ok {
		return "", fmt.Errorf("%w: %q", ErrNotFound, file)
	}
	return name, nil
}

// later reports whether this outcome was written after the other one.
func (s *Sync) later(than *Sync) bool { return s != nil && (than == nil || s.At.After(than.At)) }
