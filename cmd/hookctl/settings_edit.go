package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
	"github.com/google/renameio/v2/maybe"
)

// save gives keys of hookctl.yaml new values: comments and everything else stay, a mistake is never saved, and the
// file is replaced at once or not at all. A key has at most two parts, as receiver.public_url.
func (s *settings) save(key string, value any) error {
	data, err := os.ReadFile(s.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read settings: %w", err)
	}
	edited, err := setYAML(data, key, value)
	if err != nil {
		return fmt.Errorf("set %s in %s: %w", key, s.File, err)
	}
	return s.replace(edited)
}

// replace writes hookctl.yaml after checking what it would become.
func (s *settings) replace(data []byte) error {
	probe := &settings{
		Settings: defaultSettings(s.Log.Dir), Home: s.Home, File: s.File,
		origins: map[string]string{}, positions: map[string]position{},
	}
	if err := errors.Join(probe.decode(data), probe.check()); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Home, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", s.Home, err)
	}
	if err := maybe.WriteFile(s.File, data, 0o600); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	return nil
}

// setYAML replaces a key's value where the key is, adds it to its section where that is, and appends both where
// neither is.
func setYAML(data []byte, key string, value any) ([]byte, error) {
	section, name, nested := strings.Cut(key, ".")
	encoded, err := yaml.Marshal(value)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(data, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	has := map[string]position{}
	for _, doc := range file.Docs {
		collectPositions(doc.Body, "", has)
	}
	if _, ok := has[key]; ok {
		path, err := yaml.PathString("$." + key)
		if err != nil {
			return nil, err
		}
		if err := path.ReplaceWithReader(file, bytes.NewReader(encoded)); err != nil {
			return nil, err
		}
		return []byte(strings.TrimRight(file.String(), "\n") + "\n"), nil
	}
	if _, ok := has[section]; ok && nested && hasMembers(has, section) {
		path, err := yaml.PathString("$." + section)
		if err != nil {
			return nil, err
		}
		member, err := yaml.Marshal(map[string]any{name: value})
		if err != nil {
			return nil, err
		}
		if err := path.MergeFromReader(file, bytes.NewReader(member)); err != nil {
			return nil, err
		}
		return []byte(strings.TrimRight(file.String(), "\n") + "\n"), nil
	}
	var addition any = map[string]any{section: value}
	if nested {
		addition = map[string]any{section: map[string]any{name: value}}
	}
	lines, err := yaml.Marshal(addition)
	if err != nil {
		return nil, err
	}
	text := string(data)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return []byte(text + string(lines)), nil
}

func hasMembers(has map[string]position, section string) bool {
	for key := range has {
		if strings.HasPrefix(key, section+".") {
			return true
		}
	}
	return false
}
