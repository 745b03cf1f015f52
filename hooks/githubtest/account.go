package githubtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// DefaultLogin and DefaultToken are the account that a Server knows.
const (
	DefaultLogin = "octocat"
	DefaultToken = "gho_simulated0000000000000000000000000000"
	accountID    = 583231
)

// SetScopes replaces the OAuth scopes of the token.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes = scopes
}

// has reports whether the token carries one of the scopes, where any is needed.
func (s *Server) has(scopes ...string) bool {
	return len(scopes) == 0 || slices.ContainsFunc(scopes, func(scope string) bool { return slices.Contains(s.scopes, scope) })
}

// Environ returns the variables that make gh and go-gh use this simulation
// through the configuration that WriteGHConfig wrote into dir. Append them to
// an environment: they come last and so win.
func (s *Server) Environ(dir string) []string {
	return []string{"GH_CONFIG_DIR=" + dir, "GH_TOKEN=" + DefaultToken, "GITHUB_TOKEN=", "GH_HOST=github.com",
		"GH_REPO=", "GH_DEBUG=", "GH_PROMPT_DISABLED=1", "GH_NO_UPDATE_NOTIFIER=1"}
}

// WriteGHConfig writes the config.yml that points gh and go-gh at the socket
// given to Start. It makes dir where it is missing.
func (s *Server) WriteGHConfig(dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create the gh configuration directory: %w", err)
	}
	text := fmt.Sprintf("version: \"1\"\nhttp_unix_socket: %q\nprompt: disabled\n", filepath.ToSlash(s.socket))
	if err := os.WriteFile(filepath.Join(dir, "config.yml"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the gh configuration: %w", err)
	}
	return nil
}

func (*call) getUser() answer {
	return ok(map[string]any{"login": DefaultLogin, "id": accountID, "type": "User", "name": DefaultLogin, "html_url": "https://github.com/" + DefaultLogin})
}

// getRoot answers what gh asks to learn a token's scopes.
func (c *call) getRoot() answer { return ok(map[string]any{"current_user_url": c.base + "/user"}) }

// postGraphQL knows the one question that gh asks in order to name the account.
func (c *call) postGraphQL() answer {
	if !strings.Contains(string(c.body), "viewer") {
		return ok(map[string]any{"errors": []map[string]any{{"type": "undefinedField", "message": "The simulated GitHub answers viewer{login} only"}}})
	}
	return ok(map[string]any{"data": map[string]any{"viewer": map[string]any{"login": DefaultLogin}}})
}

func (*call) getMeta() answer {
	return ok(map[string]any{"verifiable_password_authentication": false,
		"hooks": []string{"192.30.252.0/22", "185.199.108.0/22", "140.82.112.0/20", "143.55.64.0/20", "127.0.0.0/8", "2a0a:a440::/29", "2606:50c0::/32"}})
}
