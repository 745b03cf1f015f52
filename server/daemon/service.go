package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/renameio/v2/maybe"

	"hookctl/logs/jsonfile"
)

// Service is the receiver as systemd (Linux) or launchd (macOS) runs it: started at boot or login, restarted when it
// fails, watched. The zero value of everything but Home, Executable and Address has a sensible meaning.
type Service struct {
	// Home is HOOKCTL_HOME of the receiver. It must be absolute.
	Home string
	// Executable is the absolute path of hookctl.
	Executable string
	// Args are its arguments; nil means "serve".
	Args []string
	// Address is where systemd listens for the receiver, host:port; the receiver's own setting must be the same.
	Address string
	// Name is the base name of units and jobs; empty means "hookctl". A second home needs a second name.
	Name string
	// System makes it a service of the machine instead of one of the user. That needs root.
	System bool
	// User is the account that a system service runs as; empty means the caller's, or who called sudo.
	User string
	// Env are settings that the caller has from its own environment, as NAME=value, because the service manager does not
	// have them; also its PATH. Everybody can read a unit, so a secret among them is refused.
	Env []string
	// Writable are directories outside Home that the receiver writes to: LOG_DIR, and what a command sink needs. Install
	// creates those that are missing.
	Writable []string
	// RotateAfter, if set, adds a timer that once a day rotates a secret which is older.
	RotateAfter time.Duration
	// UnitDir overrides where units or property lists are written.
	UnitDir string
}

// ServiceFile is one unit or property list. It holds no secret.
type ServiceFile struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// ServiceStatus is what `hookctl service status` shows.
type ServiceStatus struct {
	Installed bool     `json:"installed"`
	Manager   string   `json:"manager"`           // "systemd", "systemd --user", "launchd"
	Unit      string   `json:"unit"`              // "hookctl.service"
	Enabled   string   `json:"enabled,omitempty"` // in the manager's word: "enabled", "disabled"
	Active    string   `json:"active,omitempty"`  // in the manager's word: "active", "failed"
	Files     []string `json:"files"`
	Logs      string   `json:"logs,omitempty"`  // the command that shows the log
	Notes     []string `json:"notes,omitempty"` // what the user should know or do
}

// ErrNoService says that no service of this home is installed.
var ErrNoService error = &hinted{errors.New("no service is installed for this home"), "install it with: hookctl service install"}

// ErrNoServiceManager says that this system has neither systemd nor launchd. Its Hint is what to do without them.
var ErrNoServiceManager error = &hinted{errors.New("hookctl installs services under systemd and launchd only"), map[bool]string{
	true:  `start it at every logon with: schtasks /Create /SC ONLOGON /TN hookctl /TR "hookctl start"`,
	false: "run `hookctl serve` under the supervisor that this system has",
}[runtime.GOOS == "windows"]}

// manager is systemd or launchd. Its files have what [Service.complete] works out.
type manager interface {
	// about is what is known without asking: the manager, the unit, the command for the log, and all files that it may have.
	about(Service) ServiceStatus
	dir(Service) (string, error) // where its files are
	files(Service) ([]ServiceFile, error)
	// do starts, stops or restarts the service, or does another of the verbs below.
	do(ctx context.Context, s Service, verb string) error
	ask(context.Context, Service, *ServiceStatus)
}

// What a manager is asked to do beside start, stop and restart.
const (
	verbEnable  = "enable"  // makes written files known; changes nothing that runs
	verbBegin   = "begin"   // starts the service, or restarts it, as its files say now
	verbDisable = "disable" // stops it for good
	verbForget  = "forget"  // lets go of files that were removed
)

func (s Service) manager() (manager, error) {
	switch runtime.GOOS {
	case "linux":
		return systemd{}, nil
	case "darwin":
		return launchd{}, nil
	}
	return nil, ErrNoServiceManager
}

// Files are the units or property lists that Install writes, in the form of this operating system.
func (s Service) Files() ([]ServiceFile, error) {
	m, err := s.manager()
	if err != nil {
		return nil, err
	}
	return s.filesFor(m)
}

func (s Service) filesFor(m manager) ([]ServiceFile, error) {
	s, err := s.complete()
	if err != nil {
		return nil, err
	}
	dir, err := m.dir(s)
	if err != nil {
		return nil, err
	}
	files, err := m.files(s)
	for i := range files {
		files[i].Path = filepath.Join(dir, files[i].Path)
	}
	return files, err
}

// there are the files that were installed.
func (s Service) there(m manager) ([]string, error) {
	dir, err := m.dir(s)
	if err != nil {
		return nil, err
	}
	paths := []string{}
	for _, name := range m.about(s).Files {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// Install writes the files, enables the service and starts it; a receiver that runs without the service is stopped
// first. It returns once the receiver answers. Installing again brings everything up to date.
func (s Service) Install(ctx context.Context) (ServiceStatus, error) {
	m, err := s.install(ctx)
	if err != nil {
		return ServiceStatus{}, err
	}
	if _, err := awaitManaged(ctx, s.Home, 0, 30*time.Second); err != nil {
		return ServiceStatus{}, &hinted{fmt.Errorf("start the service: %w", err), "read why with: " + m.about(s).Logs}
	}
	return s.Status(ctx)
}

func (s Service) install(ctx context.Context) (manager, error) {
	for what, path := range map[string]string{"the home directory": s.Home, "the program": s.Executable} {
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("install the service: the path of %s must be absolute, and is %q", what, path)
		}
	}
	if _, err := os.Stat(s.Executable); err != nil {
		return nil, fmt.Errorf("install the service: %w", err)
	}
	m, err := s.manager()
	if err != nil {
		return nil, err
	}
	files, err := s.filesFor(m)
	if err != nil {
		return nil, err
	}
	before, err := s.there(m)
	if err != nil {
		return nil, err
	}
	if err := notSupervised(ctx, s.Home); err != nil {
		return nil, err
	}
	if err := s.makeWritable(); err != nil {
		return nil, fmt.Errorf("install the service: %w", err)
	}
	for _, f := range files {
		if err := writeUnit(f); err != nil {
			return nil, err
		}
	}
	// The receiver that runs by itself is stopped only when the manager has taken the service.
	if err := m.do(ctx, s, verbEnable); err != nil {
		err = fmt.Errorf("install the service: %w", err)
		if len(before) == 0 {
			for _, f := range files {
				err = errors.Join(err, remove(f.Path))
			}
		}
		return nil, err
	}
	if err := s.remember(m); err != nil {
		return nil, err
	}
	// The unit has its own arguments: flags of an earlier start mean nothing to it.
	if err := remove(startFile(s.Home)); err != nil {
		return nil, err
	}
	if st, err := quickStatus(ctx, s.Home); err == nil && st.Supervisor == nil && st.Manager == "" {
		if err := stopProcess(ctx, Config{Home: s.Home}, st, nil); err != nil && !errors.Is(err, ErrNotRunning) {
			return nil, fmt.Errorf("make room for the service: %w", err)
		}
	}
	if err := m.do(ctx, s, verbBegin); err != nil {
		return nil, fmt.Errorf("install the service: %w", err)
	}
	return m, nil
}

// Uninstall stops the service and removes its files. It fails with ErrNoService where none is installed.
func (s Service) Uninstall(ctx context.Context) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	there, err := s.there(m)
	if err != nil {
		return err
	}
	if len(there) == 0 {
		return ErrNoService
	}
	if err = m.do(ctx, s, verbDisable); err != nil {
		err = fmt.Errorf("stop the service: %w", err)
	}
	for _, path := range append(there, serviceRecord(s.Home), formerRecord(s.Home)) {
		err = errors.Join(err, remove(path))
	}
	return errors.Join(err, m.do(ctx, s, verbForget))
}

// Status asks the service manager about the service.
func (s Service) Status(ctx context.Context) (ServiceStatus, error) {
	m, err := s.manager()
	if err != nil {
		return ServiceStatus{}, err
	}
	there, err := s.there(m)
	if err != nil {
		return ServiceStatus{}, err
	}
	st := m.about(s)
	if st.Files = there; len(there) == 0 {
		return ServiceStatus{Manager: st.Manager, Unit: st.Unit, Files: there}, nil
	}
	st.Installed = true
	m.ask(ctx, s, &st)
	return st, nil
}

// complete works out what the files of the service hold: its environment and arguments, and the account of a system
// service. It refuses what cannot be written into them.
func (s Service) complete() (Service, error) {
	var err error
	if s.System {
		if s.User, err = s.account(); err != nil {
			return s, err
		}
	}
	if s.Env, err = s.env(); err != nil {
		return s, err
	}
	if s.Args == nil {
		s.Args = serveArgs()
	}
	for _, text := range slices.Concat([]string{s.Executable}, s.Args, s.Env, s.Writable) {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return s, fmt.Errorf("%q cannot be written into the files of a service: it has a control character, or is not UTF-8", text)
		}
	}
	return s, nil
}

func serveArgs() []string { return []string{"serve"} }

// env is the environment that all its jobs have.
func (s Service) env() ([]string, error) {
	for _, v := range s.Env {
		name, _, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("the environment of the service: %q is not NAME=value", v)
		}
		if strings.Contains(strings.ToUpper(name), "SECRET") || strings.Contains(strings.ToUpper(name), "TOKEN") {
			return nil, fmt.Errorf("the environment of the service: %s does not go into a file that everybody can read; put it into %s",
				name, filepath.Join(s.Home, ".env"))
		}
	}
	env := append([]string{"HOOKCTL_HOME=" + s.Home}, s.Env...)
	for n, v := range env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			env[n] = "PATH=" + s.searchPath(path)
		}
	}
	return env, nil
}

// searchPath is where the receiver finds programs of sinks, such as amp-send: the given path, without relative parts, which would
// depend on where the receiver runs, and for a system service also the account's own programs, which are not on the path of root.
func (s Service) searchPath(path string) string {
	var dirs []string
	add := func(dir string) {
		if filepath.IsAbs(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, dir := range filepath.SplitList(path) {
		add(dir)
	}
	if s.System {
		if name, err := s.account(); err == nil {
			if u, err := user.Lookup(name); err == nil && u.Uid != "0" && u.HomeDir != "" {
				add(filepath.Join(u.HomeDir, ".local", "bin"))
			}
		}
	}
	return strings.Join(dirs, string(filepath.ListSeparator))
}

func (s Service) base() string { return cmp.Or(s.Name, "hookctl") }

// rotateArgs are those of the daily job.
func (s Service) rotateArgs() []string {
	days := max(1, int(s.RotateAfter/(24*time.Hour)))
	return []string{"rotate", "--all", "--max-age", strconv.Itoa(days) + "d", "--yes"}
}

func writeUnit(f ServiceFile) error {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil { //nolint:gosec // units are public and hold no secret
		return fmt.Errorf("write the service: %w", err)
	}
	if err := maybe.WriteFile(f.Path, []byte(f.Text), 0o644); err != nil {
		return fmt.Errorf("write the service: %w", err)
	}
	return nil
}

// remove removes a file that may be gone.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// serviceRecord remembers which service runs the receiver of home, so that start, stop and restart go through it.
func serviceRecord(home string) string { return filepath.Join(StateDir(home), "service.json") }

// formerRecord is where the first version kept it, in a directory that may vanish.
func formerRecord(home string) string { return filepath.Join(home, "run", "service.json") }

func (s Service) remember(m manager) error {
	record := struct {
		Service
		Unit string
	}{s, m.about(s).Unit}
	if err := jsonfile.Write(serviceRecord(s.Home), record); err != nil {
		return fmt.Errorf("remember the service: %w", err)
	}
	return errors.Join(s.give(serviceRecord(s.Home)), remove(formerRecord(s.Home)))
}

// Installed gives the service that runs the receiver of home, or ErrNoService.
func Installed(home string) (Service, error) {
	s, err := jsonfile.Read[Service](serviceRecord(home))
	if errors.Is(err, fs.ErrNotExist) {
		s, err = jsonfile.Read[Service](formerRecord(home))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Service{}, ErrNoService
	}
	if err != nil {
		return Service{}, fmt.Errorf("look for a service: %w", err)
	}
	s.Home = home // it may have been moved
	m, err := s.manager()
	if err != nil {
		return Service{}, ErrNoService
	}
	there, err := s.there(m)
	if err == nil && len(there) == 0 {
		err = ErrNoService
	}
	return s, err
}
