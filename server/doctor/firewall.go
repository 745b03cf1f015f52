package doctor

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// firewall checks that this machine's own firewall lets GitHub through to the receiver. Where the receiver listens on
// loopback there is a tunnel or proxy, which the check of the public URL covers.
func (f *facts) firewall(ctx context.Context) Check {
	host, port, err := f.listens()
	if err != nil {
		return unknown("not checked: the receiver's address is not known")
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return ok("not needed: the receiver listens on this machine only, for a tunnel or proxy")
	}
	w := wall{etc: "/etc", ask: askProgram}
	return w.finding(ctx, runtime.GOOS, port)
}

// wall is where the firewalls of this machine are asked.
type wall struct {
	etc string
	// ask runs a program and returns what it printed; an error if none exists, or it failed.
	ask func(ctx context.Context, program string, args ...string) (string, error)
}

func askProgram(ctx context.Context, program string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, program, args...).Output() //nolint:gosec // one of two fixed programs, no shell
	return strings.TrimSpace(string(out)), err
}

func (w wall) finding(ctx context.Context, system string, port int) Check {
	switch system {
	case "linux":
		return worst(ok("neither ufw nor firewalld blocks port %d; a firewall of the network or the provider cannot be seen from here", port),
			w.ufw(port), w.firewalld(ctx, port))
	case "darwin":
		out, err := w.ask(ctx, "/usr/libexec/ApplicationFirewall/socketfilterfw", "--getglobalstate")
		if err == nil && strings.Contains(out, "enabled") {
			return warn("allow hookctl under System Settings, Network, Firewall, Options", "the firewall of macOS is on; it must let hookctl take connections")
		}
		return ok("the firewall of macOS is off")
	}
	return unknown("not checked on this system")
}

// firewalld asks it, as everybody may.
func (w wall) firewalld(ctx context.Context, port int) Check {
	if state, err := w.ask(ctx, "firewall-cmd", "--state"); err != nil || state != "running" {
		return Check{Status: OK}
	}
	queries := []string{fmt.Sprintf("--query-port=%d/tcp", port)}
	if service := map[int]string{80: "http", 443: "https"}[port]; service != "" {
		queries = append(queries, "--query-service="+service)
	}
	for _, query := range queries {
		if out, _ := w.ask(ctx, "firewall-cmd", query); out == "yes" { // "no" comes with an error
			return Check{Status: OK}
		}
	}
	return fail(fmt.Sprintf("sudo firewall-cmd --permanent --add-port=%d/tcp && sudo firewall-cmd --reload", port),
		"firewalld blocks port %d, so GitHub's deliveries do not get in", port)
}

// ufw reads its files. Its rules may be root's alone to read.
func (w wall) ufw(port int) Check {
	on := w.setting(filepath.Join(w.etc, "ufw", "ufw.conf"), "ENABLED")
	policy := w.setting(filepath.Join(w.etc, "default", "ufw"), "DEFAULT_INPUT_POLICY")
	if on != "yes" || policy == "ACCEPT" {
		return Check{Status: OK}
	}
	fix := fmt.Sprintf("sudo ufw allow %d/tcp", port)
	rules, err := os.ReadFile(filepath.Join(w.etc, "ufw", "user.rules")) //nolint:gosec // a fixed name
	if err != nil {
		return warn(fix, "ufw is on, and only root can see whether it lets port %d in", port)
	}
	for rule := range strings.Lines(string(rules)) {
		if allows(strings.Fields(rule), port) {
			return Check{Status: OK}
		}
	}
	return fail(fix, "ufw blocks port %d, so GitHub's deliveries do not get in", port)
}

// setting reads NAME=value of a file of shell variables; "" if none exists.
func (w wall) setting(path, name string) string {
	text, err := os.ReadFile(path) //nolint:gosec // one of two fixed names
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), name+"="); found {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}

// allows reads a rule as ufw notes it for itself, "### tuple ### allow tcp 443,9000:9010 0.0.0.0/0 any 0.0.0.0/0 in", and
// reports whether it lets everybody in at the port.
func allows(rule []string, port int) bool {
	if len(rule) < 9 || rule[1] != "tuple" || !slices.Contains([]string{"allow", "limit"}, rule[3]) ||
		rule[4] != "tcp" && rule[4] != "any" || rule[8] != "0.0.0.0/0" {
		return false
	}
	for part := range strings.SplitSeq(rule[5], ",") {
		first, last, isRange := strings.Cut(part, ":")
		if !isRange {
			last = first
		}
		low, err1 := strconv.Atoi(first)
		high, err2 := strconv.Atoi(last)
		if part == "any" || err1 == nil && err2 == nil && low <= port && port <= high {
			return true
		}
	}
	return false
}
