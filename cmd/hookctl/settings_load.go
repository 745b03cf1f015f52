package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"hookctl/hooks/secret"
)

// settings are the values in force: flag > environment > .env > hookctl.yaml > default, and who won.
type settings struct {
	Settings
	// Home is HOOKCTL_HOME, absolute.
	Home string
	// File is the path of hookctl.yaml, whether it exists or not.
	File string
	// origins names the origin of every key that is not a default.
	origins map[string]string
	// positions are the keys that hookctl.yaml sets, and where.
	positions map[string]position
}

// variable is an environment variable that sets a key.
type variable struct{ name, key string }

// variables are read from the environment and, failing that, from .env. The secret is not among them: it is
// never a setting, hooks/secret alone reads it.
func variables() []variable {
	return []variable{
		{"WEBHOOK_PORT", "receiver.port"},
		{"LOG_DIR", "log.dir"},
		{"WATCHED_BRANCHES", "watched_branches"},
		{"AIMAESTRO_API", "sinks[0].url"},
		{"AIMAESTRO_AGENT", "sinks[0].to"},
	}
}

// override is a value given by a flag.
type override struct{ flag, key, value string }

// homeDir is HOOKCTL_HOME, or ~/.atlas.
func homeDir(environ func(string) string) (string, error) {
	dir := environ("HOOKCTL_HOME")
	if dir == "" {
		dir = "~/.atlas"
	}
	dir, err := expandHome(dir)
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
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

// loadSettings reads everything that settings may come from. Every mistake it finds is in the error, each with
// its place.
func loadSettings(environ func(string) string, overrides ...override) (*settings, error) {
	home, err := homeDir(environ)
	if err != nil {
		return nil, err
	}
	s := &settings{
		Settings:  defaultSettings(filepath.Join(home, "webhook_logs")),
		Home:      home,
		File:      filepath.Join(home, "hookctl.yaml"),
		origins:   map[string]string{},
		positions: map[string]position{},
	}
	if environ("HOOKCTL_HOME") != "" {
		s.origins["home"] = "environment HOOKCTL_HOME"
	}
	data, err := os.ReadFile(s.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("read settings: %w", err)
	default:
		if err := s.decode(data); err != nil {
			return nil, err
		}
	}
	if err := s.applyVariables(environ); err != nil {
		return nil, err
	}
	for _, o := range overrides {
		if err := s.set(o.key, o.value, "flag --"+o.flag); err != nil {
			return nil, err
		}
	}
	if s.Log.Dir, err = expandHome(s.Log.Dir); err != nil {
		return nil, err
	}
	if s.Log.Dir != "" && !filepath.IsAbs(s.Log.Dir) {
		s.Log.Dir = filepath.Join(home, s.Log.Dir)
	}
	return s, s.check()
}

// decode lays hookctl.yaml over the defaults. Unknown keys, wrong types and broken YAML are errors with their place.
func (s *settings) decode(data []byte) (err error) {
	defer refusePanic(&err)
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // which some editors put first, and the library takes for a part of the first key
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return s.located(err)
	}
	for i, doc := range file.Docs {
		if doc.Body != nil && i > 0 {
			return s.located(&positionError{positionOf(doc.Body), errors.New("a second document would not be read; put everything into one")})
		}
		collectPositions(doc.Body, "", s.positions)
	}
	for key, at := range s.positions {
		if !at.empty {
			s.origins[key] = filepath.Base(s.File)
		}
	}
	read := s.Settings
	err = yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&read)
	switch {
	case errors.Is(err, io.EOF):
		return nil // the file sets nothing, and the decoder has cleared what it was given
	case err != nil:
		return s.located(err)
	}
	for _, doc := range file.Docs {
		if err := checkKeys(doc.Body, reflect.TypeFor[Settings]()); err != nil {
			return s.located(err)
		}
	}
	s.Settings = read
	return nil
}

// refusePanic makes an error of a panic of the YAML library, which some malformed files cause (found by fuzzing).
func refusePanic(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the settings are no YAML that can be read: %v", r)
	}
}

// applyVariables reads the environment variables, and .env for those that are not in the environment.
func (s *settings) applyVariables(environ func(string) string) error {
	file, err := secret.OpenEnv(s.envFile())
	if err != nil {
		return err
	}
	for _, v := range variables() {
		value, origin := environ(v.name), "environment "+v.name
		if value == "" {
			value, _ = file.Get(v.name)
			origin = ".env " + v.name
		}
		if value == "" {
			continue
		}
		if err := s.set(v.key, value, origin); err != nil {
			return err
		}
	}
	return nil
}

// set gives one key a value that came as text. The sink variables mean the first AI Maestro sink; where the
// settings have none, they mean nothing.
func (s *settings) set(key, value, origin string) error {
	switch key {
	case "receiver.port":
		port, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || port < 0 || port > 65535 {
			return hint(usage(fmt.Errorf("%s: %q is no port", origin, value)), "a port is a number from 1 to 65535; 0 takes any free one")
		}
		s.Receiver.Port = port
	case "receiver.bind":
		s.Receiver.Bind = value
	case "receiver.public_url":
		s.Receiver.PublicURL = value
	case "receiver.tunnel":
		s.Receiver.Tunnel = value
	case "log.dir":
		s.Log.Dir = value
	case "watched_branches":
		s.WatchedBranches = splitList(value)
	case "sinks[0].url", "sinks[0].to":
		at := s.maestro()
		if at < 0 {
			return nil
		}
		if strings.HasSuffix(key, ".url") {
			s.Sinks[at].URL = value
		} else {
			s.Sinks[at].To = value
		}
		key = strings.Replace(key, "[0]", "["+strconv.Itoa(at)+"]", 1)
	default:
		return fmt.Errorf("%s: no such setting: %s", origin, key)
	}
	s.origins[key] = origin
	return nil
}

// maestro is the place of the first AI Maestro sink, or -1.
func (s *settings) maestro() int {
	for i := range s.Sinks {
		if s.Sinks[i].Type == "aimaestro" {
			return i
		}
	}
	return -1
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

func (s *settings) envFile() string      { return filepath.Join(s.Home, ".env") }
func (s *settings) runDir() string       { return filepath.Join(s.Home, "run") }
func (s *settings) rotationFile() string { return filepath.Join(s.runDir(), "rotation.json") }

// origin names what decided a key: its own place, or that of the list or section around it.
func (s *settings) origin(key string) string {
	for key != "" {
		if origin, ok := s.origins[key]; ok {
			if at, ok := s.positions[key]; ok && origin == filepath.Base(s.File) {
				return fmt.Sprintf("%s:%d", origin, at.Line)
			}
			return origin
		}
		end := strings.LastIndexAny(key, ".[")
		if end < 0 || key[end] == '.' {
			break // A section that is there says nothing of a key that is not.
		}
		key = key[:end]
	}
	return "default"
}
