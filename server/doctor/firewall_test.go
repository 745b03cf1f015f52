package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFirewallsOfThisMachine(t *testing.T) {
	const ufw, enabled = "ufw/ufw.conf", "# comment\nENABLED=yes\nLOGLEVEL=low\n"
	rule := func(tuple string) map[string]string {
		return map[string]string{ufw: enabled, "default/ufw": `DEFAULT_INPUT_POLICY="DROP"`, "ufw/user.rules": "*filter\n### tuple ### " + tuple + "\n-A …\n"}
	}
	for _, tc := range []struct {
		name, system string
		files        map[string]string // below /etc
		says         map[string]string // what programs print
		status, part string
	}{
		{"none", "linux", nil, nil, OK, "neither ufw nor firewalld blocks port 9000"},
		{"ufw off", "linux", map[string]string{ufw: "ENABLED=no\n"}, nil, OK, "neither"},
		{"ufw lets everything in", "linux", map[string]string{ufw: enabled, "default/ufw": `DEFAULT_INPUT_POLICY="ACCEPT"`}, nil, OK, "neither"},
		{"ufw's rules cannot be read", "linux", map[string]string{ufw: enabled}, nil, Warn, "only root can see"},
		{"ufw allows", "linux", rule("allow tcp 9000 0.0.0.0/0 any 0.0.0.0/0 in"), nil, OK, "neither"},
		{"ufw allows several", "linux", rule("allow tcp 80,443,8990:9010 0.0.0.0/0 any 0.0.0.0/0 in"), nil, OK, "neither"},
		{"ufw limits", "linux", rule("limit any 9000 0.0.0.0/0 any 0.0.0.0/0 in"), nil, OK, "neither"},
		{"ufw allows another port", "linux", rule("allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in"), nil, Fail, "ufw blocks port 9000"},
		{"ufw allows a neighbour", "linux", rule("allow tcp 9000 0.0.0.0/0 any 192.168.0.0/16 in"), nil, Fail, "ufw blocks port 9000"},
		{"ufw denies", "linux", rule("deny tcp 9000 0.0.0.0/0 any 0.0.0.0/0 in"), nil, Fail, "ufw blocks port 9000"},
		{"ufw's rules are cut off", "linux", rule("allow tcp"), nil, Fail, "ufw blocks port 9000"},
		{"firewalld off", "linux", nil, map[string]string{"firewall-cmd --state": "not running"}, OK, "neither"},
		{"firewalld allows", "linux", nil, map[string]string{"firewall-cmd --state": "running", "firewall-cmd --query-port=9000/tcp": "yes"}, OK, "neither"},
		{"firewalld refuses", "linux", nil, map[string]string{"firewall-cmd --state": "running", "firewall-cmd --query-port=9000/tcp": "no"}, Fail, "firewalld blocks port 9000"},
		{"macOS on", "darwin", nil, map[string]string{"/usr/libexec/ApplicationFirewall/socketfilterfw --getglobalstate": "Firewall is enabled. (State = 1)"}, Warn, "must let hookctl"},
		{"macOS off", "darwin", nil, map[string]string{"/usr/libexec/ApplicationFirewall/socketfilterfw --getglobalstate": "Firewall is disabled. (State = 0)"}, OK, "is off"},
		{"another system", "plan9", nil, nil, Unknown, "not checked"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := wall{etc: t.TempDir(), ask: func(_ context.Context, program string, args ...string) (string, error) {
				said, known := tc.says[strings.Join(append([]string{program}, args...), " ")]
				if !known || said == "no" {
					return said, errors.New("exit status 1")
				}
				return said, nil
			}}
			for name, text := range tc.files {
				path := filepath.Join(w.etc, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got := w.finding(t.Context(), tc.system, 9000)
			if got.Status != tc.status || !strings.Contains(got.Detail, tc.part) || (rank(got.Status) >= rank(Warn)) != (got.Fix != "") {
				t.Errorf("%+v", got)
			}
		})
	}
}
