package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"hookctl/hooks"
	"hookctl/logs/jsonfile"
	"hookctl/server/daemon"
)

// Choice is an answer that setup offers, as every face words it.
type Choice struct {
	Value  string // as it stands in the settings
	Label  string
	About  string
	Events []string // that hooks have to subscribe to for it
}

// SyncChoices are the modes of project sync, the proposed one first.
func SyncChoices() []Choice {
	return []Choice{
		{Value: "suggest", Label: "suggest", About: "plan, and do nothing before you agree"},
		{Value: "act", Label: "act", About: "do it at once, in your name"},
		{Value: "off", Label: "off", About: "leave issues alone"},
	}
}

// AboutSync says what project sync does.
const AboutSync = "Project sync keeps one issue for a CI failure, with the failing lines of the log, and closes it after a green run."

// AlsoChoices are the entries of notify_also, for events that hooks do not send at first.
func AlsoChoices() []Choice {
	return []Choice{
		{Value: "reviews", Label: "reviews", About: "approvals and requested changes", Events: []string{"pull_request_review"}},
		{Value: "statuses", Label: "statuses", About: "failures that other CI services report", Events: []string{"status"}},
	}
}

// AboutTrust says what of a stranger's text reaches an agent.
const AboutTrust = "An agent gets text of strangers only as fixed words, numbers and links."

// Notify is who is notified of what matters. It holds a secret: it prints itself without the URL of the chat.
type Notify struct {
	Sink, Agent string   // AI Maestro's address and its recipient; both empty for no agent
	Chat        bool     // people in a chat
	ChatURL     string   // of a new chat; "" keeps the one that is there
	Also        []string // entries of notify_also
}

// Events are what hooks have to subscribe to for it, besides what they are asked for.
func (n Notify) Events() (events []string) {
	for _, c := range AlsoChoices() {
		for _, name := range n.Also {
			if name == c.Value {
				events = append(events, c.Events...)
			}
		}
	}
	return events
}

// Nobody reports whether nobody is notified.
func (n Notify) Nobody() bool { return n.Sink == "" && !n.Chat }

// String leaves the URL of the chat out.
func (n Notify) String() string {
	return fmt.Sprintf("%s at %s, chat: %t, also %v", n.Agent, n.Sink, n.Chat, n.Also)
}

// GoString is String.
func (n Notify) GoString() string { return n.String() }

// LogValue is what log/slog prints.
func (n Notify) LogValue() slog.Value { return slog.StringValue(n.String()) }

// MarshalJSON is String as JSON.
func (n Notify) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", n.String()), nil }

// SetupDefaults is what a dialogue of setup starts from, and how it keeps what was chosen for this machine. What concerns hooks,
// the Fleet keeps. A function that is nil takes the question that needs it out of the dialogue.
type SetupDefaults struct {
	URL          string        // of the hooks, "" where it is not known yet
	Events       []string      // chosen at first; [hooks.DefaultEvents] when empty
	Repositories []string      // owner/repo, chosen at first
	Port         int           // local port of the receiver
	Sink, Agent  string        // address of AI Maestro, and who is notified there; no agent for nobody
	Chat         bool          // people in a chat are notified already
	Also         []string      // entries of notify_also in force
	Trust        bool          // text of strangers is kept from agents
	Sync         string        // mode of project sync in force
	Wait         time.Duration // how long a hook's proof may take; the Fleet's when zero

	Probe      func(ctx context.Context, sink, agent string) error // what the sink says about the agent
	ProbeChat  func(ctx context.Context, url string) error         // what is wrong with the URL of a chat
	SaveNotify func(ctx context.Context, n Notify) error
	SaveSync   func(ctx context.Context, mode string) error
	SavePort   func(ctx context.Context, port int) error
	// RunTunnel has the receiver run a tunnel of that kind from now on, and returns its status once the tunnel is open.
	RunTunnel func(ctx context.Context, kind string) (daemon.Status, error)
	// Relayed hands a delivery of GitHub's relay to the receiver.
	Relayed func(context.Context, hooks.RelayDelivery) (hooks.RelayAnswer, error)
}

// Args is the command line without hookctl that asks for the same; relay has deliveries come through GitHub's relay.
func (r SetupRequest) Args(relay bool) []string {
	args := []string{"setup"}
	for _, t := range r.Targets {
		args = append(args, strings.Fields(t.Flag())...)
	}
	switch {
	case relay:
		args = append(args, "--relay")
	case r.URL != "":
		args = append(args, "--url", r.URL)
	}
	for _, e := range r.Events {
		args = append(args, "--event", e)
	}
	if r.AllowUnreachable {
		args = append(args, "--allow-unreachable")
	}
	return args
}

// Launch keeps what was chosen for this machine: who is notified, and as the secret value, or a new one where that is empty. It
// leaves a receiver that runs with it, and with a tunnel where run names a kind; that is open then. The public URL is kept by
// Setup, once a hook there has proved itself.
func (f *Fleet) Launch(ctx context.Context, d SetupDefaults, value, run string, n Notify) (daemon.Status, error) {
	_, _, err := f.keepSecret(value)
	if err == nil && d.SaveNotify != nil {
		err = d.SaveNotify(ctx, n)
	}
	if err != nil {
		return daemon.Status{}, err
	}
	if run != "" {
		return d.RunTunnel(ctx, run)
	}
	status, _, err := f.Receiver(ctx)
	return status, err
}

// Draft is what was answered so far in a setup that was left. It holds no secret. The wizard and line mode share it, so that
// one continues where the other was left.
type Draft struct {
	Step         int      `json:"step"`         // as the wizard counts
	Repositories []string `json:"repositories"` // and organizations
	URL          string   `json:"url"`
	Events       []string `json:"events"`
	Nobody       bool     `json:"notify_nobody"`
	Agent        string   `json:"agent"`
	Also         []string `json:"notify_also,omitempty"`
}

// Add chooses repositories and organizations; what is not the name of one is left out.
func (d *Draft) Add(names ...string) {
	for _, name := range names {
		if t, err := hooks.ParseTarget(name); err == nil && !slices.Contains(d.Repositories, t.String()) {
			d.Repositories = append(d.Repositories, t.String())
		}
	}
}

// Targets are the chosen repositories and organizations.
func (d *Draft) Targets() []hooks.Target {
	var list []hooks.Target
	for _, name := range d.Repositories {
		if t, err := hooks.ParseTarget(name); err == nil {
			list = append(list, t)
		}
	}
	return list
}

// DraftFile keeps the draft of a home in run/wizard.json. Writers that run at the same time each carry a number, and an older
// one never undoes what a newer one wrote.
type DraftFile struct {
	path string
	mu   sync.Mutex
	last int
}

// NewDraftFile is the file of a home.
func NewDraftFile(home string) *DraftFile {
	return &DraftFile{path: filepath.Join(home, "run", "wizard.json")}
}

// Read gives the draft, and false where none can be read: it is a convenience, not data.
func (f *DraftFile) Read() (Draft, bool) {
	d, err := jsonfile.Read[Draft](f.path)
	return d, err == nil
}

// Save writes a draft, or removes the file for nil: everything is set up.
func (f *DraftFile) Save(number int, d *Draft) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if number < f.last {
		return nil
	}
	f.last = number
	if d == nil {
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the saved answers: %w", err)
		}
		return nil
	}
	if err := jsonfile.Write(f.path, d); err != nil {
		return fmt.Errorf("save the answers: %w", err)
	}
	return nil
}
