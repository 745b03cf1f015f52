package daemon

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// launchd runs the receiver as an agent of the user, or as a daemon of the machine. It has no socket for us: getting
// one needs a C call (launch_activate_socket), so a restart through launchd refuses connections for a moment.
type launchd struct{}

func (launchd) name(Service) string { return "launchd" }

func (launchd) label(s Service) string { return "io." + s.base() + ".receiver" }

func (launchd) rotateLabel(s Service) string { return "io." + s.base() + ".rotate" }

func (m launchd) unit(s Service) string { return m.label(s) }

func (launchd) logs(s Service) string { return "tail -n 50 " + LogFile(s.Home) }

func (launchd) dir(s Service) (string, error) {
	if s.UnitDir != "" {
		return s.UnitDir, nil
	}
	if s.System {
		return "/Library/LaunchDaemons", nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the directory of launch agents: %w", err)
	}
	return filepath.Join(home, "Library", "LaunchAgents"), nil
}

func (m launchd) files(s Service) ([]ServiceFile, error) {
	dir, err := m.dir(s)
	if err != nil {
		return nil, err
	}
	receiver, err := m.receiver(s)
	if err != nil {
		return nil, err
	}
	files := []ServiceFile{{filepath.Join(dir, m.label(s)+".plist"), receiver}}
	if s.RotateAfter > 0 {
		rotate, err := m.rotate(s)
		if err != nil {
			return nil, err
		}
		files = append(files, ServiceFile{filepath.Join(dir, m.rotateLabel(s)+".plist"), rotate})
	}
	return files, nil
}

func (m launchd) leftovers(s Service) []ServiceFile {
	dir, err := m.dir(s)
	if err != nil {
		return nil
	}
	return []ServiceFile{{Path: filepath.Join(dir, m.rotateLabel(s)+".plist")}}
}

// receiver is started at once and again whenever it fails, but not when it was asked to stop.
func (m launchd) receiver(s Service) (string, error) {
	d, err := m.common(s, m.label(s), s.args())
	if err != nil {
		return "", err
	}
	return plist(append(d,
		"RunAtLoad", true,
		"KeepAlive", []any{"SuccessfulExit", false},
		"ThrottleInterval", 5,
		"ExitTimeOut", 40,
	)), nil
}

func (m launchd) rotate(s Service) (string, error) {
	d, err := m.common(s, m.rotateLabel(s), s.rotateArgs())
	if err != nil {
		return "", err
	}
	return plist(append(d, "StartCalendarInterval", []any{"Hour", 4, "Minute", 17})), nil
}

// common is what both jobs share: a list of keys and values in order.
func (m launchd) common(s Service, label string, args []string) ([]any, error) {
	vars, err := s.env(EnvBackground+"=1", envManager+"="+label)
	if err != nil {
		return nil, err
	}
	for _, text := range append(append([]string{s.Executable}, vars...), args...) {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
			return nil, fmt.Errorf("%q cannot be written into a property list: it has a control character", text)
		}
	}
	var env []any
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		env = append(env, name, value)
	}
	d := []any{"Label", label}
	if s.System {
		account, err := s.account()
		if err != nil {
			return nil, err
		}
		d = append(d, "UserName", account)
	}
	return append(d,
		"ProgramArguments", append([]string{s.Executable}, args...),
		"EnvironmentVariables", env,
		"WorkingDirectory", s.Home,
		"StandardOutPath", stderrFile(s.Home),
		"StandardErrorPath", stderrFile(s.Home),
		"Umask", 0o077,
		"ProcessType", "Background",
	), nil
}

func plist(dict []any) string {
	var b strings.Builder
	b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` +
		"\n<plist version=\"1.0\">\n")
	plistValue(&b, dict, "")
	b.WriteString("</plist>\n")
	return b.String()
}

// plistValue writes a value; a []any is a dictionary of keys and values in turn.
func plistValue(b *strings.Builder, v any, indent string) {
	text := func(element, s string) {
		b.WriteString(indent + "<" + element + ">")
		_ = xml.EscapeText(b, []byte(s)) // a strings.Builder takes everything
		b.WriteString("</" + element + ">\n")
	}
	switch v := v.(type) {
	case string:
		text("string", v)
	case int:
		text("integer", strconv.Itoa(v))
	case bool:
		fmt.Fprintf(b, "%s<%t/>\n", indent, v)
	case []string:
		b.WriteString(indent + "<array>\n")
		for _, s := range v {
			plistValue(b, s, indent+"\t")
		}
		b.WriteString(indent + "</array>\n")
	case []any:
		b.WriteString(indent + "<dict>\n")
		for i := 0; i+1 < len(v); i += 2 {
			fmt.Fprintf(b, "%s\t<key>%s</key>\n", indent, v[i])
			plistValue(b, v[i+1], indent+"\t")
		}
		b.WriteString(indent + "</dict>\n")
	}
}

// domain is where launchctl finds the job.
func (launchd) domain(s Service) string {
	if s.System {
		return "system"
	}
	return "gui/" + strconv.Itoa(os.Getuid())
}

// enable has nothing to do: what is in the directory is loaded at the next login anyway.
func (launchd) enable(context.Context, Service) error { return nil }

func (m launchd) begin(ctx context.Context, s Service) error {
	files, err := m.files(s)
	if err != nil {
		return err
	}
	for _, f := range files {
		label := strings.TrimSuffix(filepath.Base(f.Path), ".plist")
		// It is an error to remove a job that is not there, and to add one that is.
		_, _ = control(ctx, "launchctl", "bootout", m.domain(s)+"/"+label)
		if _, err := control(ctx, "launchctl", "bootstrap", m.domain(s), f.Path); err != nil {
			return fmt.Errorf("install the service: %w", err)
		}
	}
	return nil
}

func (m launchd) uninstall(ctx context.Context, s Service) error {
	_, _ = control(ctx, "launchctl", "bootout", m.domain(s)+"/"+m.rotateLabel(s)) // where there is no timer this fails
	return m.stop(ctx, s)
}

func (launchd) reload(context.Context, Service) error { return nil }

func (m launchd) start(ctx context.Context, s Service) error {
	dir, err := m.dir(s)
	if err != nil {
		return err
	}
	if _, err := control(ctx, "launchctl", "print", m.domain(s)+"/"+m.label(s)); err == nil {
		_, err := control(ctx, "launchctl", "kickstart", m.domain(s)+"/"+m.label(s))
		return err
	}
	_, err = control(ctx, "launchctl", "bootstrap", m.domain(s), filepath.Join(dir, m.label(s)+".plist"))
	return err
}

func (m launchd) stop(ctx context.Context, s Service) error {
	_, err := control(ctx, "launchctl", "bootout", m.domain(s)+"/"+m.label(s))
	return err
}

func (m launchd) restart(ctx context.Context, s Service) error {
	_, err := control(ctx, "launchctl", "kickstart", "-k", m.domain(s)+"/"+m.label(s))
	return err
}

func (m launchd) ask(ctx context.Context, s Service, st *ServiceStatus) {
	st.Enabled, st.Active = "enabled", "inactive"
	out, err := control(ctx, "launchctl", "print", m.domain(s)+"/"+m.label(s))
	if err != nil {
		st.Notes = append(st.Notes, "launchd does not know the job: start it with: hookctl start")
		return
	}
	if strings.Contains(out, "state = running") {
		st.Active = "active"
	}
	st.Notes = append(st.Notes, "a restart under launchd refuses connections for a moment; GitHub shows those deliveries as failed, and hookctl catchup fetches them")
}
