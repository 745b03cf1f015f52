package daemon

import (
	"context"
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// launchd runs the receiver as an agent of the user, or as a daemon of the machine. It has no socket for us: getting
// one needs a C call (launch_activate_socket), so a restart through launchd refuses connections for a moment.
type launchd struct{}

func (launchd) kind(Service) string { return KindLaunchd }

func (launchd) unit(s Service) string { return "io." + s.base() + ".receiver" }

func (launchd) rotateLabel(s Service) string { return "io." + s.base() + ".rotate" }

func (launchd) logs(s Service) string { return "tail -n 50 " + LogFile(s.Home) }

func (launchd) dir(s Service) (string, error) {
	return s.dir("/Library/LaunchDaemons", os.UserHomeDir, "Library/LaunchAgents")
}

func (m launchd) names(s Service) []string {
	return []string{m.unit(s) + ".plist", m.rotateLabel(s) + ".plist"}
}

// labels are those of the jobs that the settings ask for.
func (m launchd) labels(s Service) []string {
	if s.RotateAfter > 0 {
		return []string{m.unit(s), m.rotateLabel(s)}
	}
	return []string{m.unit(s)}
}

func (m launchd) files(s Service) (files []ServiceFile, err error) {
	list, err := template.New("plist").Parse(plist)
	if err != nil {
		return nil, err
	}
	for _, label := range m.labels(s) {
		job := plistJob{Service: s, Label: label, Command: append([]string{s.Executable}, s.Args...), Output: stderrFile(s.Home)}
		if job.Rotates = label == m.rotateLabel(s); job.Rotates {
			job.Command = append([]string{s.Executable}, s.rotateArgs()...)
		}
		for _, v := range slices.Concat(s.Env, []string{EnvBackground + "=1", envManager + "=" + label}) {
			name, value, _ := strings.Cut(v, "=")
			job.Variables = append(job.Variables, [2]string{name, value})
		}
		var b strings.Builder
		if err := list.Execute(&b, job); err != nil {
			return nil, err
		}
		files = append(files, ServiceFile{label + ".plist", b.String()})
	}
	return files, nil
}

// plistJob is what a property list holds.
type plistJob struct {
	Service
	Label     string
	Command   []string
	Variables [][2]string
	Output    string
	Rotates   bool
}

// plist is the receiver, which is started at once and again whenever it fails, but not when it was asked to stop; or the
// daily rotation.
const plist = xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>{{html .Label}}</string>
{{- if .System}}
	<key>UserName</key>
	<string>{{html .User}}</string>
{{- end}}
	<key>ProgramArguments</key>
	<array>
{{- range .Command}}
		<string>{{html .}}</string>
{{- end}}
	</array>
	<key>EnvironmentVariables</key>
	<dict>
{{- range .Variables}}
		<key>{{html (index . 0)}}</key>
		<string>{{html (index . 1)}}</string>
{{- end}}
	</dict>
	<key>WorkingDirectory</key>
	<string>{{html .Home}}</string>
	<key>StandardOutPath</key>
	<string>{{html .Output}}</string>
	<key>StandardErrorPath</key>
	<string>{{html .Output}}</string>
	<key>Umask</key>
	<integer>63</integer>
	<key>ProcessType</key>
	<string>Background</string>
{{- if .Rotates}}
	<key>StartCalendarInterval</key>
	<dict>
		<key>Hour</key>
		<integer>4</integer>
		<key>Minute</key>
		<integer>17</integer>
	</dict>
{{- else}}
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>5</integer>
	<key>ExitTimeOut</key>
	<integer>40</integer>
{{- end}}
</dict>
</plist>
`

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
