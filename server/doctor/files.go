package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// guarded is a path with the widest mode that it may have.
type guarded struct {
	path   string
	mode   fs.FileMode
	secret bool // who can read it can forge deliveries
}

func (f *facts) guarded() []guarded {
	run := filepath.Join(f.cfg.Home, "run")
	list := []guarded{
		{f.cfg.Home, 0o700, false},
		{f.cfg.EnvFile, 0o600, true},
		{filepath.Join(f.cfg.Home, "hookctl.yaml"), 0o600, false},
		{run, 0o700, true}, // the control socket is in it
		{filepath.Join(run, "rotation.json"), 0o600, true},
		{filepath.Join(run, "former.json"), 0o600, true}, // the last of them may be a hook's still
		{daemon.LogFile(f.cfg.Home), 0o600, false},
	}
	if socket, err := daemon.SocketFile(f.cfg.Home); err == nil {
		list = append(list, guarded{socket, 0o600, true})
	}
	if f.cfg.Logs.Dir != "" {
		list = append(list, guarded{f.cfg.Logs.Dir, 0o700, false})
	}
	return list
}

// tooOpen lists what others can reach.
func (f *facts) tooOpen() ([]guarded, error) {
	if runtime.GOOS == "windows" {
		return nil, nil // access lists decide there, and the user's profile has them
	}
	var open []guarded
	var errs []error
	for _, g := range f.guarded() {
		info, err := os.Stat(g.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if info.Mode().Perm()&^g.mode != 0 {
			open = append(open, g)
		}
	}
	return open, errors.Join(errs...)
}

func (f *facts) permissions(context.Context) finding {
	if _, err := os.Stat(f.cfg.Home); errors.Is(err, fs.ErrNotExist) {
		return warn("hookctl setup", "%s does not exist yet", f.cfg.Home)
	}
	open, err := f.tooOpen()
	if err != nil {
		return failed(err, "look at who owns "+f.cfg.Home)
	}
	all := []finding{ok("only you can reach %s", f.cfg.Home)}
	for _, g := range open {
		info, err := os.Stat(g.path)
		if err != nil {
			continue // it went meanwhile
		}
		fix := fmt.Sprintf("chmod %o %s", g.mode, shellWord(g.path))
		text := fmt.Sprintf("%s has mode %04o", g.path, info.Mode().Perm())
		if g.secret {
			all = append(all, fail(fix, "%s: others can get at the secret", text))
		} else {
			all = append(all, warn(fix, "%s", text))
		}
	}
	return worst(all...)
}

// shellWord quotes a path for a command that is shown.
func shellWord(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool {
		return !strings.ContainsRune("/._-+@%~,:=", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// readLog takes the log's summary, without making a log where there is none.
func (f *facts) readLog(ctx context.Context) (sum logSummary, err error) {
	if _, err := os.Stat(f.cfg.Logs.Dir); errors.Is(err, fs.ErrNotExist) {
		return logSummary{missing: true}, nil
	}
	log, err := logs.Open(ctx, f.cfg.Logs)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if err := log.Ready(ctx, nil); err != nil {
		return sum, err
	}
	if sum.counts, err = log.Counts(ctx, logs.Filter{}); err != nil {
		return sum, err
	}
	if sum.problems, err = log.Problems(ctx); err != nil {
		return sum, err
	}
	if sum.pending, err = log.Pending(ctx); err != nil {
		return sum, err
	}
	sum.verified, err = newestVerified(ctx, log, f.cfg)
	return sum, err
}

// unrecorded leaves of events those that the log does not have at their path.
func (f *facts) unrecorded(ctx context.Context, events []hooks.Event, paths []string) (missing []hooks.Event, err error) {
	if _, err := os.Stat(f.cfg.Logs.Dir); len(events) == 0 || errors.Is(err, fs.ErrNotExist) {
		return events, nil
	}
	log, err := logs.Open(ctx, f.cfg.Logs)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if err := log.Ready(ctx, nil); err != nil {
		return nil, err
	}
	for i, e := range events {
		_, known, err := log.Known(ctx, e.GUID, paths[i])
		if err != nil {
			return nil, err
		}
		if !known {
			missing = append(missing, e)
		}
	}
	return missing, nil
}

// newestVerified finds the newest verified record of each hook among the latest ones.
func newestVerified(ctx context.Context, log *logs.Log, cfg Config) (map[int64]logs.Entry, error) {
	found := map[int64]logs.Entry{}
	for _, text := range []string{"verified:yes", "verified:yes event:ping"} {
		filter, err := logs.ParseFilter(text, cfg.Now())
		if err != nil {
			return nil, err
		}
		page, err := log.Page(ctx, logs.Query{Filter: filter, Limit: 1000})
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			if have, ok := found[e.HookID]; e.HookID != 0 && (!ok || e.ReceivedAt.After(have.ReceivedAt)) {
				found[e.HookID] = e
			}
		}
	}
	return found, nil
}

func (f *facts) logDirectory(context.Context) finding {
	sum, err := f.log()
	if err != nil {
		return failed(err, "look at who owns "+f.cfg.Logs.Dir)
	}
	if st, err := f.status(); err == nil && st.LogDir != "" && filepath.Clean(st.LogDir) != filepath.Clean(f.cfg.Logs.Dir) {
		return warn("hookctl restart", "the receiver writes to %s, the settings say %s", st.LogDir, f.cfg.Logs.Dir)
	}
	if sum.missing {
		return ok("%s: nothing has been recorded yet", f.cfg.Logs.Dir)
	}
	if err := writable(f.cfg.Logs.Dir); err != nil {
		return fail("look at who owns "+f.cfg.Logs.Dir, "%s cannot be written to: %v", f.cfg.Logs.Dir, err)
	}
	all := []finding{ok("%s in %s", text.Count(sum.counts.Total, "record", "records"), f.cfg.Logs.Dir)}
	if n := len(sum.problems); n > 0 {
		p := sum.problems[0]
		all = append(all, warn("look at them, then move them out of "+f.cfg.Logs.Dir,
			"%s no whole record, such as %s: %s", text.Count(n, "file is", "files are"), p.File, p.Reason))
	}
	return worst(all...)
}

const (
	leastSpace = 100 << 20 // below it deliveries are about to be refused
	smallSpace = 1 << 30
)

func (f *facts) disk(context.Context) finding {
	dir := f.cfg.Logs.Dir
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	free, total, err := space(dir)
	if err != nil {
		return warn("", "the free space at %s is not known: %v", dir, err)
	}
	return spaceFinding(dir, free, total)
}

func spaceFinding(dir string, free, total uint64) finding {
	text := fmt.Sprintf("%s free of %s at %s", size(free), size(total), dir)
	const fix = "hookctl events prune, or log.keep and log.max_size in hookctl.yaml"
	switch {
	case free < leastSpace:
		return fail(fix, "%s: deliveries will be refused with 507", text)
	case free < smallSpace:
		return warn(fix, "%s", text)
	}
	return ok("%s", text)
}

func size(n uint64) string {
	units := []string{"B", "KB", "MB", "GB", "TB"}
	v, u := float64(n), 0
	for v >= 1000 && u < len(units)-1 {
		v, u = v/1000, u+1
	}
	if u == 0 || v >= 100 {
		return fmt.Sprintf("%.0f %s", v, units[u])
	}
	return fmt.Sprintf("%.1f %s", v, units[u])
}
