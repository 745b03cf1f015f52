package events

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/tui/kit"
)

// exportBatch is how many records one command writes before it reports how far
// it is.
const exportBatch = 200

// export writes the records of a filter, or the marked ones, to a file, one
// JSON object per line. Each batch is one command, so it can be cancelled
// between two of them. The file gets its name when it is complete.
type export struct {
	log    *logs.Log
	filter logs.Filter
	files  []string // the marked records that are still to be read; nil for all that the filter chooses
	cursor logs.Cursor
	name   string
	file   *os.File
	out    *bufio.Writer
	done   int
	total  int
	named  bool // the file is complete and has its name
}

// openExport asks for the file's name.
func (p *Page) openExport() tea.Cmd {
	if p.export != nil {
		return p.stopExport()
	}
	pr := kit.NewPrompt(p.shell, "write to", "events-"+p.shell.Now().Local().Format("20060102-150405")+".ndjson")
	what := "the filtered events"
	if n := len(p.marks); n > 0 {
		what = text.Count(n, "marked event")
	}
	pr.Hint = what + ", one JSON record per line; an existing file is left alone"
	pr.Accept = p.startExport
	return p.shell.Show(pr)
}

func (p *Page) startExport(name string) tea.Cmd {
	name = strings.TrimSpace(name)
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			name = filepath.Join(home, rest)
		}
	}
	if name == "" {
		return nil
	}
	e := &export{log: p.feed.log, filter: p.feed.filter, name: name, total: p.feed.total}
	if len(p.marks) > 0 {
		e.files = slices.Sorted(maps.Keys(p.marks))
		e.total = len(e.files)
	}
	p.export, p.wrote = e, 0
	return p.writing(e, e.begin)
}

// writing does one part of an export.
func (p *Page) writing(e *export, part func(context.Context) (bool, error)) tea.Cmd {
	return p.shell.Work(kit.Ask(p.shell, part, func(over bool, err error) tea.Cmd { return p.exported(e, over, err) }))
}

// begin opens the file beside its later name, and writes the first batch.
func (e *export) begin(ctx context.Context) (over bool, err error) {
	if _, err := os.Lstat(e.name); err == nil {
		return false, fmt.Errorf("%s is there already", e.name)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	// In a directory that others may write to, a name that can be foretold may be a link of theirs by now.
	f, err := os.CreateTemp(filepath.Dir(e.name), "."+filepath.Base(e.name)+"-*.part")
	if err != nil {
		return false, fmt.Errorf("write the events: %w", err)
	}
	e.file, e.out = f, bufio.NewWriterSize(f, 1<<16)
	return e.batch(ctx)
}

// batch writes the next records; the last one finishes the file.
func (e *export) batch(ctx context.Context) (over bool, err error) {
	var files []string
	if e.files != nil {
		n := min(len(e.files), exportBatch)
		files, e.files = e.files[:n], e.files[n:]
		over = len(e.files) == 0
	} else {
		page, err := e.log.Page(ctx, logs.Query{Filter: e.filter, Cursor: e.cursor, Limit: exportBatch})
		if err != nil {
			return false, err
		}
		for _, x := range page.Entries {
			files = append(files, x.File)
			e.cursor = x.Cursor()
		}
		over = !page.HasOlder || len(page.Entries) == 0
	}
	for _, name := range files {
		rec, err := e.log.Read(ctx, name)
		if errors.Is(err, logs.ErrNotFound) {
			continue // pruned since
		} else if err != nil {
			return false, err
		}
		b, err := rec.Encode()
		if err != nil {
			return false, err
		}
		if _, err := e.out.Write(b); err != nil {
			return false, fmt.Errorf("write the events: %w", err)
		}
		e.done++
	}
	if !over {
		return false, nil
	}
	if err := errors.Join(e.out.Flush(), e.file.Sync(), e.file.Close()); err != nil {
		return false, fmt.Errorf("write the events: %w", err)
	}
	if err := os.Rename(e.file.Name(), e.name); err != nil {
		return false, fmt.Errorf("write the events: %w", err)
	}
	e.named = true
	return true, nil
}

// drop takes the file away; it may have been finished just before a person
// cancelled the export.
func (e *export) drop() {
	switch {
	case e.named:
		os.Remove(e.name) //nolint:errcheck,gosec // nobody wants it
	case e.file != nil:
		e.file.Close()           //nolint:errcheck,gosec // nobody wants it
		os.Remove(e.file.Name()) //nolint:errcheck,gosec // nobody wants it
	}
}

// exported reports how far the export is and goes on.
func (p *Page) exported(e *export, over bool, err error) tea.Cmd {
	switch {
	case p.export != e: // cancelled
		e.drop()
		return nil
	case err != nil:
		e.drop()
		p.export, p.shell.Progress = nil, nil
		return p.shell.Fail(err)
	case over:
		p.export, p.shell.Progress = nil, nil
		return p.shell.Say(fmt.Sprintf("%s records written to %s", text.Thousands(e.done), e.name))
	}
	p.wrote = e.done
	if e.total > 0 {
		p.shell.Progress = tea.NewProgressBar(tea.ProgressBarDefault, min(100, 100*e.done/e.total))
	}
	return p.writing(e, e.batch)
}

func (p *Page) stopExport() tea.Cmd {
	p.export, p.shell.Progress = nil, nil
	return p.shell.Say("export cancelled; no file was left behind")
}
