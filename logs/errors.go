package logs

import (
	"errors"
	"fmt"
)

// Errors that a caller decides on.
var (
	// ErrFull says that the disk has no room for the record; it is not
	// stored. A receiver answers 507.
	ErrFull = errors.New("no space left for the log")
	// ErrBusy says that more is waiting to be written than the bounds
	// allow; the record is not stored. A receiver answers 503.
	ErrBusy = errors.New("too many records are waiting for the disk")
	// ErrClosed is returned by a Writer or Log after Close.
	ErrClosed = errors.New("log is closed")
	// ErrLocked says that another process appends to this directory.
	ErrLocked = errors.New("another receiver writes to this log directory")
	// ErrNotJSON says that the payload is no JSON text; it is not stored.
	ErrNotJSON = errors.New("the payload is not JSON")
	// ErrNotFound says that the log has no record of that file name.
	ErrNotFound = errors.New("no such record")
	// ErrBuilding says that a record was not found, and that the index, which is still being made, may yet have it.
	ErrBuilding = errors.New("the index is still being made")
	// ErrEmpty says that the log has no record at all.
	ErrEmpty = errors.New("the log is empty")
)

// DuplicateError is returned by Append for a delivery that the log has.
type DuplicateError struct {
	DeliveryID string
	File       string // the record that is there already
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("delivery %s is already recorded in %s", e.DeliveryID, e.File)
}

// TornError is returned for a file that is incomplete or is no record.
type TornError struct {
	File string
	Err  error
}

func (e *TornError) Error() string { return fmt.Sprintf("record %s: %v", e.File, e.Err) }

// Unwrap returns the reason.
func (e *TornError) Unwrap() error { return e.Err }
