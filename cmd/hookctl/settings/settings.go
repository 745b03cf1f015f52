// Package settings is the settings of a home: what hookctl.yaml, .env, the environment and the flags say together.
//
// [Load] reads all of them. The order is flag > environment > .env > hookctl.yaml > default, and [Settings.Origin] says
// for each key which of them decided. A mistake is an error that names its place, file:line:column for one in
// hookctl.yaml, and every mistake that can be found without starting anything is found here: a receiver that reads
// settings without an error can use them. [Settings.Save] and [Settings.SaveFilter] edit the file and keep its comments;
// [Schema] describes it to editors. What is written counts as it is written: 1.10 is the branch "1.10", and a number in
// a form that YAML readers disagree on is an error.
//
// [Settings.Server], [Settings.Logs] and [Settings.Store] are the settings in the form that the other packages take.
package settings

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs/text"
)

// Settings are the values in force, and where each is from.
type Settings struct {
	Values
	// Home is HOOKCTL_HOME, absolute.
	Home string
	// File is the path of hookctl.yaml, whether it exists or not.
	File string

	environ func(string) string
	// origins names the origin of every key that is not a default.
	origins map[string]string
	// positions are the keys that hookctl.yaml sets, and where.
	positions map[string]position
}

// Variable is an environment variable, and the key that it sets.
type Variable struct{ Name, Key string }

// Variables are read from the environment and, failing that, from .env. The secret is not among them: it is never a
// setting, hooks/secret alone reads it. Those of a sink mean the first AI Maestro sink; if none exists, nothing.
func Variables() []Variable {
	return []Variable{
		{"WEBHOOK_PORT", "receiver.port"},
		{"LOG_DIR", "log.dir"},
		{"WATCHED_BRANCHES", "watched_branches"},
		{"AIMAESTRO_API", "sinks[0].url"},
		{"AIMAESTRO_AGENT", "sinks[0].to"},
	}
}

// Override is a value given by a flag.
type Override struct{ Flag, Key, Value string }

// ValueError is a value of a flag, a variable or a call of [Settings.Set] that its setting cannot take: the program was called in the wrong way,
// while a mistake in hookctl.yaml is none of the caller's.
type ValueError struct {
	Origin string // "flag --port", "environment WEBHOOK_PORT", or the key
	Err    error
}

// Error names where the value is from.
func (e *ValueError) Error() string { return e.Origin + ": " + e.Err.Error() }

// Unwrap gives what is wrong with the value.
func (e *ValueError) Unwrap() error { return e.Err }

// Defaults are the settings of the home that environ names, without anything that it has: for what must work although
// hookctl.yaml has a mistake. It reads no file.
func Defaults(environ func(string) string) (*Settings, error) {
	dir, err := expandHome(cmp.Or(environ("HOOKCTL_HOME"), "~/.atlas"))
	if err != nil {
		return nil, err
	}
	home, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the home directory: %w", err)
	}
	s := &Settings{
		Values:    defaults(filepath.Join(home, "webhook_logs")),
		Home:      home,
		File:      filepath.Join(home, "hookctl.yaml"),
		environ:   environ,
		origins:   map[string]string{},
		positions: map[string]position{},
	}
	if environ("HOOKCTL_HOME") != "" {
		s.origins["home"] = "environment HOOKCTL_HOME"
	}
	return s, nil
}

// expandHome replaces a leading ~ by the user's home directory, as a shell would have.
func expandHome(path string) (string, error) {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the home directory: %w", err)
	}
	return filepath.Join(home, path[1:]), nil
}

// Load reads everything that settings may come from. Every mistake it finds is in the error, each with its place; the
// error of a flag or a variable is a [ValueError]. The overrides stand for the flags that were given.
func Load(environ func(string) string, overrides ...Override) (*Settings, error) {
	s, err := Defaults(environ)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(s.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, hooks.WithCure(fmt.Errorf("read settings: %w", err), "make "+text.Shell(s.Home)+" a directory of yours, or name another with HOOKCTL_HOME")
	default:
		if err := s.decode(data); err != nil {
			return nil, err
		}
	}
	if err := s.applyVariables(); err != nil {
		return nil, err
	}
	for _, o := range overrides {
		if err := s.set(o.Key, o.Value, "flag --"+o.Flag); err != nil {
			return nil, err
		}
	}
	if s.Log.Dir, err = expandHome(s.Log.Dir); err != nil {
		return nil, err
	}
	if s.Log.Dir != "" && !filepath.IsAbs(s.Log.Dir) {
		s.Log.Dir = filepath.Join(s.Home, s.Log.Dir)
	}
	return s, s.check()
}

// applyVariables reads the environment variables, and .env for those that are not in the environment.
func (s *Settings) applyVariables() error {
	file, err := secret.OpenEnv(s.EnvFile())
	if err != nil {
		return err
	}
	for _, v := range Variables() {
		value, origin := s.variable(file, v.Name)
		if value == "" {
			continue
		}
		if err := s.set(v.Key, value, origin); err != nil {
			return err
		}
	}
	return nil
}

// variable is the value of an environment variable, or of one in .env, and where it is from; "" where it is set in neither.
func (s *Settings) variable(file *secret.Env, name string) (value, origin string) {
	if value = s.environ(name); value != "" {
		return value, "environment " + name
	}
	value, _ = file.Get(name)
	return value, ".env " + name
}

// set gives one key a value that came as text. sinks[0] is the first AI Maestro sink here.
func (s *Settings) set(key, text, origin string) error {
	if of, ok := strings.CutPrefix(key, "sinks[0]."); ok {
		at := s.maestro()
		if at < 0 {
			return nil
		}
		key = fmt.Sprintf("sinks[%d].%s", at, of)
	}
	at, err := locate(key)
	if err != nil {
		return fmt.Errorf("%s: %w", origin, err)
	}
	value, _, err := at.parse(text)
	if key == "receiver.port" && (err != nil || value.Int() < 0 || value.Int() > 65535) {
		return hooks.WithCure(&ValueError{origin, fmt.Errorf("not a valid port: %q", text)}, "a port is a number from 1 to 65535; 0 takes any free one")
	}
	if err != nil {
		return &ValueError{origin, err}
	}
	assign(reflect.ValueOf(&s.Values).Elem(), at.path, value)
	s.origins[key] = origin
	return nil
}

// Maestro is the first AI Maestro sink, and false if none exists.
func (s *Settings) Maestro() (Sink, bool) {
	if at := s.maestro(); at >= 0 {
		return s.Sinks[at], true
	}
	return Sink{}, false
}

func (s *Settings) maestro() int {
	return slices.IndexFunc(s.Sinks, func(sink Sink) bool { return sink.Type == "aimaestro" })
}

// splitList reads a comma-separated list, as WATCHED_BRANCHES is.
func splitList(text string) []string {
	list := []string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// EnvFile is the path of .env, whether it exists or not.
func (s *Settings) EnvFile() string { return filepath.Join(s.Home, ".env") }

// RunDir is the directory of what may vanish: lock, control socket, cursors.
func (s *Settings) RunDir() string { return filepath.Join(s.Home, "run") }

// Origin names what decided a key: "hookctl.yaml:3", "environment LOG_DIR", ".env LOG_DIR", "flag --port" or "default".
// A key without a place of its own has that of the list around it.
func (s *Settings) Origin(key string) string {
	for key != "" {
		if origin, ok := s.origins[key]; ok {
			if at, ok := s.positions[key]; ok && origin == filepath.Base(s.File) {
				return fmt.Sprintf("%s:%d", origin, at.Line)
			}
			return origin
		}
		end := strings.LastIndexAny(key, ".[")
		if end < 0 || key[end] == '.' {
			break // A section that is there says nothing about a key that is not.
		}
		key = key[:end]
	}
	return "default"
}
