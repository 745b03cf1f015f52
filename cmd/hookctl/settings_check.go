package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"hookctl/hooks"
)

// check finds the values that no part of the program could work with. Every mistake is named with its place.
func (s *settings) check() error {
	var problems []error
	report := func(key, format string, args ...any) {
		problems = append(problems, s.problem(key, fmt.Errorf(format, args...)))
	}
	walkSettings(reflect.ValueOf(s.Settings), "", func(f settingsField) {
		if f.enum == nil || f.value.Kind() != reflect.String || f.value.String() == "" && s.origin(f.key) == "default" {
			return
		}
		if !slices.Contains(f.enum, f.value.String()) {
			report(f.key, "%q is none of: %s", f.value.String(), strings.Join(f.enum, ", "))
		}
	})
	if s.Receiver.Bind == "" {
		report("receiver.bind", "an empty address would listen on every one; write 0.0.0.0 where that is meant")
	}
	if s.Log.Dir == "" {
		report("log.dir", "an empty path; leave the key out for the default")
	}
	if s.Receiver.Port < 0 || s.Receiver.Port > 65535 {
		report("receiver.port", "%d is no port (1 to 65535; 0 takes any free one)", s.Receiver.Port)
	}
	if s.Receiver.PublicURL != "" {
		if err := checkURL(s.Receiver.PublicURL); err != nil {
			report("receiver.public_url", "%w", err)
		}
	}
	for i, cidr := range s.Receiver.TrustedProxies {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			report(fmt.Sprintf("receiver.trusted_proxies[%d]", i), "%q is no address range like 10.0.0.0/8", cidr)
		}
	}
	if s.Receiver.Metrics != "" {
		host, port, err := net.SplitHostPort(s.Receiver.Metrics)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			report("receiver.metrics", "%q is no loopback address like 127.0.0.1:9190", s.Receiver.Metrics)
		}
	}
	if (s.Receiver.TLS.Cert == "") != (s.Receiver.TLS.Key == "") {
		report("receiver.tls", "cert and key go together")
	}
	for i, sink := range s.Sinks {
		if key, err := checkSink(sink); err != nil {
			report(fmt.Sprintf("sinks[%d]%s", i, key), "%w", err)
		}
	}
	s.checkNames(report)
	if err := s.checkTable(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// problem puts the place before a mistake: the line of hookctl.yaml, or the flag or variable that brought it.
func (s *settings) problem(key string, err error) error {
	origin, file := s.origin(key), filepath.Base(s.File)
	at := key
	// What is missing has its default, and its place is that of the entry around it.
	for end := 0; end >= 0 && (origin == "default" || strings.HasPrefix(origin, file)); at = at[:max(end, 0)] {
		if p, ok := s.positions[at]; ok {
			return hint(fmt.Errorf("%s:%d:%d: %s: %w", s.File, p.Line, p.Column, key, err), "mend it with: hookctl config edit")
		}
		end = strings.LastIndexAny(at, ".[")
	}
	return fmt.Errorf("%s (%s): %w", key, origin, err)
}

// name is what paths call the sink by.
func (s SinkSettings) name() string {
	if s.Name != "" {
		return s.Name
	}
	return s.Type
}

// checkSink names the key that is missing or wrong.
func checkSink(s SinkSettings) (key string, err error) {
	switch s.Type {
	case "":
		return "", errors.New("type is missing: aimaestro, amp-send, command or http")
	case "aimaestro", "http":
		if !isVariable(s.Secret) {
			return ".secret", errors.New("that is no name of a variable; keep the key itself in .env and name its variable here")
		}
		if err := checkURL(s.URL); err != nil {
			return ".url", err
		}
		if s.Type == "aimaestro" && s.To == "" {
			return "", errors.New("to is missing: the agent that gets the notifications")
		}
	case "amp-send":
		if s.To == "" {
			return "", errors.New("to is missing: the agent that gets the notifications")
		}
	case "command":
		if len(s.Command) == 0 || s.Command[0] == "" {
			return "", errors.New("command is missing: the program and its arguments as a list")
		}
	}
	return "", nil
}

// isVariable tells whether text can be the name of an environment variable; none is fine.
func isVariable(text string) bool {
	letters := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
	return strings.Trim(text, letters+"0123456789") == "" && (text == "" || strings.ContainsAny(text[:1], letters))
}

// checkURL refuses what is not an absolute http or https URL, or carries a password.
func checkURL(text string) error {
	if u, err := url.Parse(text); err == nil && u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is not a URL like https://hooks.example.com", text)
	}
	_, err := hooks.HookURL(text, "")
	return err
}

// settingsField is one value of the settings as walkSettings sees it.
type settingsField struct {
	key   string
	doc   string
	enum  []string
	value reflect.Value
}

// walkSettings visits every value in the order of the types: sections and their members, entries of lists and maps.
func walkSettings(v reflect.Value, path string, visit func(settingsField)) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		key := name
		if path != "" {
			key = path + "." + name
		}
		f := settingsField{key: key, doc: field.Tag.Get("doc"), value: v.Field(i)}
		if enum := field.Tag.Get("enum"); enum != "" {
			f.enum = strings.Split(enum, ",")
		}
		walkValue(f, visit)
	}
}

func walkValue(f settingsField, visit func(settingsField)) {
	switch v := f.value; {
	case v.Kind() == reflect.Struct:
		walkSettings(v, f.key, visit)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct && v.Len() > 0:
		for i := range v.Len() {
			walkSettings(v.Index(i), f.key+"["+strconv.Itoa(i)+"]", visit)
		}
	case v.Kind() == reflect.Map && v.Len() > 0:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			entry := f
			entry.key, entry.value = f.key+"."+key.String(), v.MapIndex(key)
			walkValue(entry, visit)
		}
	default:
		visit(f)
	}
}
