package logs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// PathHeader is the header of a record that names the path which the delivery
// came to: the name in /webhook/<name>. One that came to / or /webhook has none.
const PathHeader = "X-Hookctl-Path"

// Path returns the name of the path that the delivery came to, "" for / and /webhook.
func (r *Record) Path() string { return r.Headers[PathHeader] }

// identity is what makes two deliveries the same: GitHub gives one GUID to
// all hooks of an event, so it takes the path to distinguish them.
type identity struct{ guid, path string }

func (r *Record) identity() identity { return identity{asciiLower(r.DeliveryID), r.Path()} }

// ledgerView reads the ledger of another process. It reads all of it, and again only when it has changed.
type ledgerView struct {
	mu    sync.Mutex
	info  os.FileInfo
	salt  uint64
	known noteTable
}

// find returns the file of a delivery, "" when the ledger does not know it.
func (v *ledgerView) find(path string, id identity) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f, err := os.Open(filepath.Clean(path))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("open the ledger: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("open the ledger: %w", err)
	}
	if v.info == nil || !os.SameFile(info, v.info) || info.Size() != v.info.Size() {
		v.known = newNoteTable(info.Size())
		found, err := scanNotes(f, info.Size(), func(n note) { v.known.add(n.guid, n.path, n.off) })
		if err != nil {
			return "", err
		}
		v.info, v.salt = info, found.salt
	}
	return v.known.find(f, v.salt, id), nil
}
