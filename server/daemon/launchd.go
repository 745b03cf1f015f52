package daemon

import (
	"context"
	"encoding/xml"
	"fmt"
	"html"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// launchd runs the receiver as an agent of the user, or as a daemon of the machine. It has no socket for us: getting
// one needs a C call (launch_activate_socket), so a restart through launchd refuses connections for a moment.
type launchd struct{}

func (launchd) unit(s Service) string { return "io." + s.base() + ".receiver" }

func (launchd) rotateLabel(s Service) string { return "io." + s.base() + ".rotate" }

func (launchd) dir(s Service) (string, error) {
	return s.dir("/Library/LaunchDaemons", os.UserHomeDir, "Library/LaunchAgents")
}

func (m launchd) about(s Service) ServiceStatus {
	return ServiceStatus{Manager: KindLaunchd, Unit: m.unit(s), Logs: "tail -n 50 " + LogFile(s.Home),
		Files: []string{m.unit(s) + ".plist", m.rotateLabel(s) + ".plist"}}
}

// labels are those of the jobs that the settings ask for.
func (m launchd) labels(s Service) []string {
	if s.RotateAfter > 0 {
		return []string{m.unit(s), m.rotateLabel(s)}
	}
	return []string{m.unit(s)}
}

// files are the jobs: the receiver, which is started at once and again whenever it fails, but not when it was asked to stop, and
// the daily rotation.
func (m launchd) files(s Service) (files []ServiceFile, err error) {
	for _, label := range m.labels(s) {
		env := dict{}
		for _, v := range slices.Concat(s.Env, []string{EnvBackground + "=1", envManager + "=" + label}) {
			name, value, _ := strings.Cut(v, "=")
			env[name] = value
		}
		job := dict{
			"Label": label, "EnvironmentVariables": env, "WorkingDirectory": s.Home, "Umask": 0o077, "ProcessType": "Background",
			"StandardOutPath": stderrFile(s.Home), "StandardErrorPath": stderrFile(s.Home),
		}
		if s.System {
			job["UserName"] = s.User
		}
		if label == m.rotateLabel(s) {
			job["ProgramArguments"] = append([]string{s.Executable}, s.rotateArgs()...)
			job["StartCalendarInterval"] = dict{"Hour": 4, "Minute": 17}
		} else {
			job["ProgramArguments"] = append([]string{s.Executable}, s.Args...)
			job["RunAtLoad"], job["KeepAlive"], job["ThrottleInterval"], job["ExitTimeOut"] = true, dict{"SuccessfulExit": false}, 5, 40
		}
		files = append(files, ServiceFile{label + ".plist", plistHead + property(job, "") + "</plist>\n"})
	}
	return files, nil
}

const plistHead = xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
`

// dict is a dictionary of a property list; its values are dictionaries, lists of texts, texts, numbers and truths.
type dict map[string]any

// property writes a value of a property list, indented.
func property(v any, indent string) string {
	switch v := v.(type) {
	case dict:
		var b strings.Builder
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(indent + "\t<key>" + html.EscapeString(key) + "</key>\n" + property(v[key], indent+"\t"))
		}
		return indent + "<dict>\n" + b.String() + indent + "</dict>\n"
	case []string:
		var b strings.Builder
		for _, one := range v {
			b.WriteString(property(one, indent+"\t"))
		}
		return indent + "<array>\n" + b.String() + indent + "</array>\n"
	case bool:
		return fmt.Sprintf("%s<%t/>\n", indent, v)
	case int:
		return fmt.Sprintf("%s<integer>%d</integer>\n", indent, v)
	}
	return fmt.Sprintf("%s<string>%s</string>\n", indent, html.EscapeString(fmt.Sprint(v)))
}

// domain is where launchctl finds the job.
func (launchd) domain(s Service) string {
	if s.System {
		return "system"
	}
	return "gui/" + strconv.Itoa(os.Getuid())
}

// do asks launchctl. Nothing has to be enabled: what is in the directory is loaded at the next login anyway.
func (m launchd) do(ctx context.Context, s Service, verb string) error {
	dir, err := m.dir(s)
	if err != nil {
		return err
	}
	ctl := func(args ...string) error {
		_, err := control(ctx, nil, "launchctl", args...)
		return err
	}
	load := func(label string) error { return ctl("bootstrap", m.domain(s), filepath.Join(dir, label+".plist")) }
	job := m.domain(s) + "/" + m.unit(s)
	switch verb {
	case verbBegin:
		for _, label := range m.labels(s) {
			_ = ctl("bootout", m.domain(s)+"/"+label) // an error where the job is not there
			if err := load(label); err != nil {
				return err
			}
		}
	case "start":
		if ctl("print", job) == nil {
			return ctl("kickstart", job)
		}
		return load(m.unit(s))
	case "restart":
		return ctl("kickstart", "-k", job)
	case "stop":
		return ctl("bootout", job)
	case verbDisable:
		_ = ctl("bootout", m.domain(s)+"/"+m.rotateLabel(s)) // where there is no timer this fails
		return ctl("bootout", job)
	}
	return nil
}

func (m launchd) ask(ctx context.Context, s Service, st *ServiceStatus) {
	st.Enabled, st.Active = "enabled", "inactive"
	out, err := control(ctx, nil, "launchctl", "print", m.domain(s)+"/"+m.unit(s))
	if err != nil {
		st.Notes = append(st.Notes, "launchd does not know the job: start it with: hookctl start")
		return
	}
	if strings.Contains(out, "state = running") {
		st.Active = "active"
	}
	st.Notes = append(st.Notes, "a restart under launchd refuses connections for a moment; GitHub shows those deliveries as failed, and hookctl catchup fetches them")
}
