package logs

import (
	"cmp"
	"slices"
	"time"
)

// item is a record that is durable in the spool and not yet safe as a file,
// or whose file is to be rewritten with newer notifications. filer.mu guards
// it.
type item struct {
	file  string
	stem  string // of the file's name
	id    identity
	entry Entry
	data  []byte // content of the file; nil when it is to be read from the spool or the file
	from  *ref   // the record's own frame, if it has one
	refs  []ref  // all its frames in the spool

	outcome      // newer than data
	version int  // counts outcomes, to see whether one came while the file was written
	filed   bool // a file of ours bears the name
	backlog bool // it was found in the spool at start: its file may be there

	due    time.Time // not to be written before, unless in a hurry
	queued bool
	busy   bool // being written
}

// outcome is what became of a record. nil says nothing.
type outcome struct {
	notes []Notification
	sync  *Sync
}

func (o outcome) isEmpty() bool { return o.notes == nil && o.sync == nil }

// job is an item as it was when its turn came.
type job struct {
	item
	it *item
}

// linger is how long a record with a pending notification waits for the
// outcome, so that most are written once. It is part of the delay before
// other processes see the record.
const linger = 30 * time.Millisecond

// rewriteDelay gathers the outcomes of one record into one rewrite.
const rewriteDelay = 100 * time.Millisecond

func hasPending(notes []Notification) bool {
	return slices.ContainsFunc(notes, func(n Notification) bool { return n.Status == StatusPending })
}

// content returns what the file is to hold, the record with its newest
// notifications, and its line in a list.
func (it *item) content(readFile func(string) ([]byte, error)) ([]byte, Entry, error) {
	data := it.data
	var err error
	switch {
	case data != nil:
	case it.from != nil:
		data, err = it.from.read()
	default:
		data, err = readFile(it.file)
	}
	if err != nil || it.isEmpty() && it.entry.File != "" {
		it.entry.File, it.entry.Size = it.file, int64(len(data))
		return data, it.entry, err
	}
	r, err := decodeRecord(it.file, data)
	if err != nil {
		return nil, Entry{}, err
	}
	if it.notes != nil {
		r.Notifications = it.notes
	}
	r.Sync = cmp.Or(it.sync, r.Sync)
	if !it.isEmpty() {
		if data, err = r.Encode(); err != nil {
			return nil, Entry{}, err
		}
	}
	return data, r.Entry(int64(len(data))), nil
}
