package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
	"github.com/google/renameio/v2/maybe"

	"hookctl/hooks"
)

// Save gives keys of hookctl.yaml new values: comments and everything else stay, a mistake is never saved, and the
// file is replaced at once or not at all. A key has at most two parts, as receiver.public_url.
func (s *Settings) Save(key string, value any) error {
	data, err := os.ReadFile(s.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read settings: %w", err)
	}
	edited, err := setYAML(data, key, value)
	if err != nil {
		return fmt.Errorf("set %s in %s: %w", key, s.File, err)
	}
	probe := s.probe()
	if err := probe.decode(edited); err != nil {
		return err
	}
	if !probe.has(key, value) {
		return hooks.WithCure(fmt.Errorf("cannot set %s in %s: the way it is written is not supported", key, s.File), "set it yourself with: hookctl config edit")
	}
	return s.Replace(edited)
}

// has reports whether the settings say what the file was edited to say: YAML has more forms than can be edited safely.
func (s *Settings) has(key string, value any) bool {
	path, err := yaml.PathString("$." + key)
	if err != nil {
		return false
	}
	all, err := yaml.Marshal(s.Values)
	if err != nil {
		return false
	}
	got := reflect.New(reflect.TypeOf(value))
	if err := path.Read(bytes.NewReader(all), got.Interface()); err != nil {
		return false
	}
	have, err := yaml.Marshal(got.Elem().Interface())
	want, wantErr := yaml.Marshal(value)
	return err == nil && wantErr == nil && bytes.Equal(have, want)
}

// probe is empty settings of the same place, to try a file on.
func (s *Settings) probe() *Settings {
	return &Settings{
		Values: defaults(s.Log.Dir), Home: s.Home, File: s.File, environ: s.environ,
		origins: map[string]string{}, positions: map[string]position{},
	}
}

// Replace writes hookctl.yaml after checking what it would become.
func (s *Settings) Replace(data []byte) error {
	probe := s.probe()
	if err := errors.Join(probe.decode(data), probe.check()); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Home, 0o700); err != nil {
		return fmt.Errorf("create %s: %w", s.Home, err)
	}
	if err := maybe.WriteFile(s.File, data, 0o600); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	return nil
}

// setYAML replaces a key's value where the key is, adds it to its section where that is, and appends both where
// neither is.
func setYAML(data []byte, key string, value any) (edited []byte, err error) {
	defer refusePanic(&err)
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
	if at, ok := has[key]; ok {
		if edited, ok := replaceInLine(string(data), at, value); ok {
			return []byte(edited), nil
		}
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

// replaceInLine puts a value into the place of one that stands within a line, a scalar or a list in brackets, and touches
// nothing else: the YAML library would take the comment behind it away.
func replaceInLine(text string, at position, value any) (string, bool) {
	lines := strings.SplitAfter(text, "\n")
	if at.Line > len(lines) {
		return "", false
	}
	line := []rune(lines[at.Line-1])
	if at.Column > len(line) {
		return "", false
	}
	length := inlineLength(line[at.Column-1:])
	encoded, err := yaml.MarshalWithOptions(value, yaml.Flow(true))
	if length == 0 || err != nil {
		return "", false
	}
	short := strings.TrimSuffix(string(encoded), "\n")
	if strings.Contains(short, "\n") {
		return "", false
	}
	lines[at.Line-1] = string(line[:at.Column-1]) + short + string(line[at.Column-1+length:])
	return strings.Join(lines, ""), true
}

// inlineLength is how many characters the value at the beginning of rest has, 0 where that is not plain to see.
func inlineLength(rest []rune) int {
	text := string(rest)
	switch {
	case strings.ContainsAny(text[:1], "{&*!|>%@`-?"):
		return 0
	case text[0] == '[':
		if end := strings.IndexByte(text, ']'); end > 0 && !strings.ContainsAny(text[1:end], `[{"'#`) {
			return len([]rune(text[:end+1]))
		}
		return 0
	case text[0] == '"' || text[0] == '\'':
		if end := strings.IndexByte(text[1:], text[0]); end >= 0 && !strings.ContainsAny(text[1:1+end], `\\`) {
			return len([]rune(text[:end+2]))
		}
		return 0
	}
	end := strings.IndexAny(text, ",}]\n\r")
	if end < 0 {
		end = len(text)
	}
	if comment := strings.Index(text[:end], " #"); comment >= 0 {
		end = comment
	}
	return len([]rune(strings.TrimRight(text[:end], " \t")))
}

func hasMembers(has map[string]position, section string) bool {
	for key := range has {
		if strings.HasPrefix(key, section+".") {
			return true
		}
	}
	return false
}
