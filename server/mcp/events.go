package mcp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"hookctl/hooks"
	"hookctl/hooks/tasks"
	"hookctl/logs"
	"hookctl/logs/text"
)

type searchArguments struct {
	Filter string `json:"filter,omitempty" jsonschema:"which events; all if empty"`
	page
}

// rows is how many events a result has: 20 where no limit is given.
func (p page) rows() int {
	if p.Limit <= 0 {
		return 20
	}
	return min(p.Limit, maxRows)
}

func (f *face) search(ctx context.Context, c *call, in searchArguments) (any, error) {
	query := logs.Query{Limit: in.rows()}
	var err error
	if query.Filter, err = c.w.ParseFilter(in.Filter); err != nil {
		return nil, usageError{err}
	}
	if query.Cursor, err = logs.ParseCursor(in.Cursor); err != nil {
		return nil, usageError{err}
	}
	found, err := c.log.Page(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := ofEvents.rows(found.Entries)
	if err != nil {
		return nil, err
	}
	n, next := fitting(rows, query.Limit), ""
	if n < len(rows) || found.HasOlder {
		next = found.Entries[n-1].Cursor().String()
	}
	out := map[string]any{"events": append([]any{}, rows[:n]...), "cursor": next}
	if found.Building {
		out["incomplete"] = fmt.Sprintf("the index is still being made, %s of %s so far: older records may be missing; call again in a moment",
			text.Thousands(found.Progress.Done), text.Count(found.Progress.Total, "record"))
	}
	return out, nil
}

type viewArguments struct {
	File   string `json:"file" jsonschema:"the record's file, its delivery's GUID, or latest"`
	Cursor string `json:"cursor,omitempty" jsonschema:"the cursor of the last result, for the next part of a long payload"`
	Log    bool   `json:"log,omitempty" jsonschema:"also the failed jobs of a workflow run and the ends of their logs, from GitHub, under untrusted.failure"`
}

// view is one record as `events view` prints it, its payload in parts where it is long.
func (f *face) view(ctx context.Context, c *call, in viewArguments) (any, error) {
	from, err := offset(in.Cursor, math.MaxInt)
	if err != nil {
		return nil, err
	}
	record, err := c.read(ctx, in.File)
	if err != nil {
		return nil, err
	}
	payload := record.Payload
	if from > len(payload) {
		return nil, usagef("the payload has %d bytes and no part at %d", len(payload), from)
	}
	whole := from == 0 && len(payload) <= maxPart
	if !whole {
		record.Payload = nil
	}
	out, err := ofRecord.object(record)
	if err != nil {
		return nil, err
	}
	out["file"], out["cursor"] = record.File, ""
	moved, _ := out[untrusted].(map[string]any)
	if in.Log {
		failure, err := failureOf(ctx, c.w, record)
		if err != nil {
			return nil, err
		}
		moved["failure"] = failure
	}
	if !whole {
		to := min(len(payload), from+maxPart)
		for to < len(payload) && to > from && !utf8.RuneStart(payload[to]) {
			to--
		}
		moved["payload_part"] = text.ForAgent(string(payload[from:to]), maxPart)
		out["payload_size"] = len(payload)
		if to < len(payload) {
			out["cursor"] = strconv.Itoa(to)
		}
	}
	return out, nil
}

// failureOf is what GitHub says of the failed jobs of a run, which is untrusted as a whole.
func failureOf(ctx context.Context, w *World, record *logs.Record) (any, error) {
	run := record.Summary.Run
	if record.EventType != "workflow_run" || run.ID == 0 {
		return nil, usagef("only a workflow_run has logs, and this is a %s", clean(record.EventType))
	}
	target, err := hooks.ParseTarget(record.Summary.Repository)
	if err != nil {
		return nil, err
	}
	failure, err := w.Failure(ctx, tasks.Run{Repository: target, ID: run.ID, Attempt: run.Attempt})
	if err != nil {
		return nil, err
	}
	size := maxPart // of all logs together: the end of one says most
	for i := range failure.Jobs {
		lines := failure.Jobs[i].Log.Lines
		from := len(lines)
		for from > 0 && size > len(lines[from-1]) {
			from--
			size -= len(lines[from]) + 1
		}
		failure.Jobs[i].Log.Lines, failure.Jobs[i].Log.Cut = append([]string{}, lines[from:]...), failure.Jobs[i].Log.Cut || from > 0
	}
	shown, err := plain(failure)
	return ofOurs.walk("", shown, false), err
}

// indexPatience is how long a call waits for the index of a large log before it says that this is still being made.
const indexPatience = 10 * time.Second

// resolve finds the file of a record. It waits for an index that may yet have it, for as long as a client waits for a call.
func resolve(ctx context.Context, log *logs.Log, name string) (string, error) {
	file, err := log.Resolve(ctx, name)
	if errors.Is(err, logs.ErrBuilding) {
		waiting, stop := context.WithTimeout(ctx, indexPatience)
		defer stop()
		_ = log.Whole(waiting, nil) // the next look shows what came of it
		file, err = log.Resolve(ctx, name)
	}
	return file, missing(err)
}

// missing adds to an error about a record how to find one.
func missing(err error) error {
	if errors.Is(err, logs.ErrBuilding) {
		return hooks.WithCure(err, "call again in a moment, or name the record's file")
	}
	if errors.Is(err, logs.ErrEmpty) || errors.Is(err, logs.ErrNotFound) {
		return hooks.WithCure(err, "find records with events_search")
	}
	return err
}

type waitArguments struct {
	Filter  string `json:"filter,omitempty" jsonschema:"which events; all if empty"`
	Timeout *int   `json:"timeout_s,omitempty" jsonschema:"how many seconds to wait, at most 50; 50 if not given"`
	page
}

// maxWait is how long event_wait blocks: clients end a call after a minute.
const maxWait = 50

func (f *face) wait(ctx context.Context, c *call, in waitArguments) (any, error) {
	seconds := maxWait
	if in.Timeout != nil {
		seconds = *in.Timeout
	}
	if seconds < 0 || seconds > maxWait {
		return nil, usagef("timeout_s must be 0 to %d: %d", maxWait, seconds)
	}
	request := logs.WaitRequest{Since: c.began, Count: 1, Limit: in.rows()}
	var err error
	if request.Filter, err = c.w.ParseFilter(in.Filter); err != nil {
		return nil, usageError{err}
	}
	if request.After, err = logs.ParseMark(in.Cursor); err != nil {
		return nil, usageError{err}
	}
	waiting, stop := context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	defer stop()
	found, err := c.log.Wait(waiting, request)
	late := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if err != nil && !late {
		return nil, err
	}
	rows, err := ofEvents.rows(append([]logs.Entry{}, found.Entries...))
	return map[string]any{"events": rows, "cursor": found.Next.String(), "timed_out": late}, err
}
