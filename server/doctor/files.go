package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/dustin/go-humanize"

	"hookctl/logs/text"
	"hookctl/server/daemon"
)

// guarded is a path with the widest mode that it may have.
type guarded struct {
	path   string
	mode   fs.FileMode
	secret bool        // who can read it can forge deliveries
	has    fs.FileMode // the mode that it has
}

func (f *facts) guarded() []guarded {
	run := filepath.Join(f.cfg.Home, "run")
	list := []guarded{
		{path: f.cfg.Home, mode: 0o700},
		{path: filepath.Join(f.cfg.Home, ".env"), mode: 0o600, secret: true},
		{path: filepath.Join(f.cfg.Home, "hookctl.yaml"), mode: 0o600},
		{path: run, mode: 0o700, secret: true}, // the control socket is in it
		{path: daemon.StateDir(f.cfg.Home), mode: 0o700, secret: true},
		{path: filepath.Join(daemon.StateDir(f.cfg.Home), "rotation.json"), mode: 0o600, secret: true},
		{path: filepath.Join(daemon.StateDir(f.cfg.Home), "former.json"), mode: 0o600, secret: true}, // the last of them may be a hook's still
		{path: filepath.Join(daemon.StateDir(f.cfg.Home), "aside.json"), mode: 0o600, secret: true},
		{path: daemon.LogFile(f.cfg.Home), mode: 0o600},
		{path: daemon.SocketFile(f.cfg.Home), mode: 0o600, secret: true},
	}
	if f.cfg.Logs.Dir != "" {
		list = append(list, guarded{path: f.cfg.Logs.Dir, mode: 0o700})
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
		if g.has = info.Mode().Perm(); g.has&^g.mode != 0 {
			open = append(open, g)
		}
	}
	return open, errors.Join(errs...)
}

func (f *facts) permissions(context.Context) Check {
	if _, err := os.Stat(f.cfg.Home); errors.Is(err, fs.ErrNotExist) {
		return warn("hookctl setup", "%s does not exist yet", f.cfg.Home)
	}
	if err := f.writable(f.cfg.Home); err != nil {
		whose := ""
		if owner := f.ownerOf(f.cfg.Home); owner != "" {
			whose = ", which belongs to " + owner + ","
		}
		return fail("use a home of your own with HOOKCTL_HOME=DIRECTORY, or become its owner: sudo chown \"$(id -un)\" "+text.Shell(f.cfg.Home),
			"%s%s cannot be written to (%v), so hookctl can save nothing", f.cfg.Home, whose, err)
	}
	open, err := f.tooOpen()
	if err != nil {
		return failed(err, "check who owns "+f.cfg.Home)
	}
	all := []Check{ok("only you can reach %s", f.cfg.Home)}
	for _, g := range open {
		fix := fmt.Sprintf("chmod %o %s", g.mode, text.Shell(g.path))
		if owner := f.ownerOf(g.path); owner != "" {
			fix = "ask " + owner + " to run: " + fix
		}
		words := fmt.Sprintf("%s has mode %04o", g.path, g.has)
		if g.secret {
			all = append(all, fail(fix, "%s: others can read the secret", words))
		} else {
			all = append(all, warn(fix, "%s", words))
		}
	}
	return worst(all...)
}

func (f *facts) logDirectory(context.Context) Check {
	sum, err := f.log()
	if err != nil {
		return failed(err, "check who owns "+f.cfg.Logs.Dir)
	}
	if st, err := f.status(); err == nil && st.LogDir != "" && filepath.Clean(st.LogDir) != filepath.Clean(f.cfg.Logs.Dir) {
		fix := "hookctl restart"
		if _, given := StartedWith(st, "--log-dir"); given { // which a restart keeps
			fix = "hookctl restart --log-dir " + text.Shell(f.cfg.Logs.Dir)
		}
		return warn(fix, "the receiver writes to %s, the settings say %s", st.LogDir, f.cfg.Logs.Dir)
	}
	if sum.missing {
		if err := f.writable(nearest(f.cfg.Logs.Dir)); err != nil {
			return fail("set log.dir to a directory of yours: hookctl config edit log.dir", "%s cannot be created: %v", f.cfg.Logs.Dir, err)
		}
		return ok("%s: nothing has been recorded yet", f.cfg.Logs.Dir)
	}
	if err := f.writable(f.cfg.Logs.Dir); err != nil {
		return fail("check who owns "+f.cfg.Logs.Dir, "%s cannot be written to: %v", f.cfg.Logs.Dir, err)
	}
	all := []Check{ok("%s in %s", text.Count(sum.total, "record", "records"), f.cfg.Logs.Dir)}
	if n := len(sum.problems); n > 0 {
		p := sum.problems[0]
		all = append(all, warn("check them, then move them out of "+f.cfg.Logs.Dir,
			"%s incomplete, such as %s: %s", text.Count(n, "record is", "records are"), p.File, p.Reason))
	}
	return worst(all...)
}

const (
	leastSpace = 100 << 20 // below it deliveries are about to be refused
	smallSpace = 1 << 30
)

// nearest is dir, or the directory above it that exists.
func nearest(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func (f *facts) disk(context.Context) Check {
	dir := nearest(f.cfg.Logs.Dir)
	free, total, err := space(dir)
	if err != nil {
		return warn("", "cannot see the free space at %s: %v", dir, err)
	}
	return spaceFinding(dir, free, total)
}

func spaceFinding(dir string, free, total uint64) Check {
	words := fmt.Sprintf("%s free of %s at %s", humanize.Bytes(free), humanize.Bytes(total), dir)
	const fix = "free some space: hookctl events prune; or set log.keep or log.max_size in hookctl.yaml"
	switch {
	case free < leastSpace:
		return fail(fix, "%s: deliveries will be refused with 507", words)
	case free < smallSpace:
		return warn(fix, "%s", words)
	}
	return ok("%s", words)
}
