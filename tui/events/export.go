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

// exportBatch is after how many records an export reports how far it is.
const exportBatch = 200

// openExport asks for the file's name, or cancels the export under way.
func (p *Page) openExport() tea.Cmd {
	if p.export.Busy() {
		p.export.Stop()
		return nil
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

func (p *Page) startExport(name string) (cmd tea.Cmd) {
	name = strings.TrimSpace(name)
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			name = filepath.Join(home, rest)
		}
	}
	if name == "" {
		return nil
	}
	l, filter, marked := p.feed.log, p.feed.filter, slices.Sorted(maps.Keys(p.marks))
	p.wrote, p.writes = 0, p.feed.total
	if len(marked) > 0 {
		p.writes = len(marked)
	}
	p.export, cmd = kit.Begin(p.shell, func(ctx context.Context, report func(int)) (int, error) {
		return export(ctx, l, filter, marked, name, report)
	}, func(n int) tea.Cmd {
		if p.wrote = n; p.writes > 0 {
			p.shell.Progress = tea.NewProgressBar(tea.ProgressBarDefault, min(100, 100*n/p.writes))
		}
		return nil
	}, func(n int, err error) tea.Cmd {
		p.shell.Progress = nil
		switch {
		case errors.Is(err, context.Canceled):
			return p.shell.Say("export cancelled; no file was left behind")
		case err != nil:
			return p.shell.Fail(err)
		}
		return p.shell.Say(fmt.Sprintf("%s records written to %s", text.Thousands(n), name))
	})
	return cmd
}

// export writes the marked records, or those that the filter chooses where none is, to a file, one JSON object per line, and
// reports how many there are by now. The file gets its name when it is complete; else nothing is left of it.
func export(ctx context.Context, l *logs.Log, filter logs.Filter, marked []string, name string, report func(int)) (n int, err error) {
	if _, err := os.Lstat(name); err == nil {
		return 0, fmt.Errorf("%s is there already", name)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	// In a directory that others may write to, a name that can be foretold may be a link of theirs by now.
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*.part")
	if err != nil {
		return 0, fmt.Errorf("write the events: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()           //nolint:errcheck,gosec // nobody wants it
			os.Remove(f.Name()) //nolint:errcheck,gosec // nobody wants it
		}
	}()
	out := bufio.NewWriterSize(f, 1<<16)
	write := func(file string) error {
		rec, err := l.Read(ctx, file)
		if errors.Is(err, logs.ErrNotFound) {
			return nil // pruned since
		} else if err != nil {
			return err
		}
		b, err := rec.Encode()
		if err != nil {
			return err
		}
		if _, err := out.Write(b); err != nil {
			return fmt.Errorf("write the events: %w", err)
		}
		if n++; n%exportBatch == 0 {
			report(n)
		}
		return ctx.Err()
	}
	for _, file := range marked {
		if err := write(file); err != nil {
			return n, err
		}
	}
	if len(marked) == 0 {
		for e, err := range l.All(ctx, filter, nil) {
			if err == nil {
				err = write(e.File)
			}
			if err != nil {
				return n, err
			}
		}
	}
	if err := errors.Join(out.Flush(), f.Sync(), f.Close()); err != nil {
		return n, fmt.Errorf("write the events: %w", err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return n, fmt.Errorf("write the events: %w", err)
	}
	return n, nil
}
