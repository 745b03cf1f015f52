package secret

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hookctl/logs/text"
)

// ErrPublished says that a secret is a placeholder which documentation prints, so that anybody can sign with it.
var ErrPublished = errors.New("the secret is a placeholder from documentation, so anyone can sign with it")

// ReplacePublished is how to get rid of a published secret; setup gives the new one to the hooks. A rotation would need a receiver, which does not start with one.
const ReplacePublished = "hookctl secret generate --force; then hookctl setup"

// Short is the length in characters below which a secret can be guessed. [Generate] makes 64.
const Short = 16

// published are placeholders of guides and examples, the handler's that hookctl replaces among them, as plain writes them.
var published = []string{
	"your_generated_secret_here", "your_generated_secret", "your_secret_here", "your_secret", "your_webhook_secret_here", "your_webhook_secret",
	"your_github_webhook_secret_here", "your_github_webhook_secret", "your_secret_key", "your_secret_token", "your_super_secret",
	"generated_secret_here", "secret_here", "paste_your_secret_here", "insert_secret_here", "enter_your_secret_here",
	"changeme", "change_me", "changeit", "change_this", "replaceme", "replace_me", "replace_with_your_secret", "todo", "fixme", "placeholder", "example",
	"secret", "secret_key", "secret_token", "mysecret", "my_secret", "my_webhook_secret", "my_secret_key", "supersecret", "super_secret",
	"topsecret", "top_secret", "webhook_secret", "github_webhook_secret", "webhooksecret", "github_secret", "shared_secret", "some_secret",
	"test_secret", "testsecret", "dev_secret", "password", "passw0rd", "test", "testing", "webhook", "github", "default", "none", "null",
	"undefined", "12345678", "123456789", "1234567890", "it's_a_secret_to_everybody", "it's_a_secret_to_everyone",
}

// Published reports whether a secret is a placeholder from documentation, or one character many times, as the ******** that
// GitHub shows in the place of every secret. Case, quotes, brackets and the choice of _, - and spaces make no difference.
func Published(value string) bool {
	if value == "" {
		return false
	}
	if len(value) >= 3 && strings.Trim(value, value[:1]) == "" {
		return true
	}
	plain := strings.ToLower(strings.Trim(value, ` "'<>[]{}()$`))
	plain = strings.NewReplacer("-", "_", " ", "_", ".", "_", "’", "'").Replace(plain)
	return slices.Contains(published, plain)
}

// Published returns [ErrPublished] if the ring accepts a placeholder from documentation for good. What a rotation still
// accepts for a while, and a hook that could not be rotated, is on its way out and no reason to accept nothing.
func (r *Ring) Published(now time.Time) error {
	for _, k := range r.keys {
		if k.Expires.IsZero() && !k.Alone && Published(k.Value) {
			return ErrPublished
		}
	}
	return nil
}

// Placeholders are the variables, in the environment and in .env, that hold a published secret.
func (s *Store) Placeholders() ([]string, error) {
	var names []string
	if Published(s.cfg.Environ(Variable)) {
		names = append(names, Variable+" in the environment")
	}
	env, err := OpenEnv(s.cfg.EnvFile)
	if err != nil {
		return nil, err
	}
	for _, name := range env.Names() {
		if value, _ := env.Get(name); isSecretVariable(name) && Published(value) {
			names = append(names, name)
		}
	}
	return names, nil
}

// One reads the one secret that a person or a program handed over: a line, or that line of a .env file,
// GITHUB_WEBHOOK_SECRET=…. Errors never repeat what was given.
func One(given string) (string, error) {
	given = strings.TrimPrefix(given, "\ufeff")
	var lines []string
	for line := range strings.Lines(given) {
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	switch len(lines) {
	case 0:
		return "", errors.New("no secret was given")
	case 1:
	default:
		return "", fmt.Errorf("one secret was expected, not %s", text.Count(len(lines), "line"))
	}
	value := lines[0]
	switch env := parseEnv(value)[0]; {
	case env.name == Variable && env.value == "":
		return "", errors.New("no secret was given")
	case env.name == Variable:
		value = env.value
	case env.name != "" && strings.Trim(env.value, "=") != "": // base64 may end like an empty assignment
		return "", fmt.Errorf("this is a line of a .env file with another variable than %s; give the secret alone", Variable)
	}
	switch {
	case strings.Trim(value, "*") == "":
		return "", errors.New("GitHub shows ******** in the place of every secret; the secret itself cannot be read there")
	case strings.TrimSpace(value) != value:
		return "", errors.New("the secret begins or ends with a space")
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", errors.New("the secret has a control character in it")
	case Published(value):
		return "", ErrPublished
	}
	return value, nil
}
