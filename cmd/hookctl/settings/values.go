package settings

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/goccy/go-yaml/ast"
)

// Values is hookctl.yaml. The tags say everything once: yaml names the key, doc explains it in the JSON Schema and in
// the man page, enum lists the only values allowed.
type Values struct {
	Receiver        Receiver          `yaml:"receiver,omitempty" doc:"The background process that GitHub's deliveries arrive at."`
	Log             Log               `yaml:"log,omitempty" doc:"The directory of records."`
	WatchedBranches []string          `yaml:"watched_branches,omitempty" doc:"Branches whose pushes are notified."`
	Priorities      map[string]string `yaml:"priorities,omitempty" doc:"Priority by event.action or event.conclusion, for example workflow_run.failure." enum:"low,medium,high,urgent"`
	Routes          []Route           `yaml:"routes,omitempty" doc:"Rules tried before the default table."`
	NotifyAlso      []string          `yaml:"notify_also,omitempty" doc:"Rules of the default table that are off by default: reviews of pull requests, failures of the status event. New hooks subscribe to those events too." enum:"reviews,statuses"`
	Trust           Trust             `yaml:"trust,omitempty" doc:"Whose words reach agents (sinks aimaestro and amp-send, and http with format openclaw). Of what others wrote, agents get fixed words, numbers and links; trust: off sends everything."`
	Sinks           []Sink            `yaml:"sinks" doc:"Where notifications go; an empty list switches them off."`
	Coalesce        Duration          `yaml:"coalesce,omitempty" doc:"How long further notifications of the same type, repository and commit are gathered into one update; 0 switches it off."`
	CoalesceMax     int               `yaml:"coalesce_max,omitempty" doc:"How many notifications may wait for one sink and repository before the rest is gathered into one summary; 0 means no limit."`
	IgnoreSenders   []string          `yaml:"ignore_senders,omitempty" doc:"Logins whose deliveries are recorded but never notified."`
	Paths           map[string]Path   `yaml:"paths,omitempty" doc:"Settings of /webhook/<name>, by name. GITHUB_WEBHOOK_SECRET_<NAME> in .env is its own secret."`
	Secrets         string            `yaml:"secrets,omitempty" doc:"One secret for all hooks, or one for each." enum:"shared,per-hook"`
	Setup           Setup             `yaml:"setup,omitempty" doc:"What setup and the wizard offer first."`
	GitHub          GitHub            `yaml:"github,omitempty" doc:"The GitHub to talk to."`
	Sync            Sync              `yaml:"sync,omitempty" doc:"Issues and boards at GitHub that follow what happens."`
	Cluster         Cluster           `yaml:"cluster,omitempty" doc:"Several receivers that share their deliveries; empty for a single machine."`
	TUI             TUI               `yaml:"tui,omitempty" doc:"The terminal interface."`
}

// Receiver is the section receiver.
type Receiver struct {
	Bind           string   `yaml:"bind,omitempty" doc:"Address to listen on."`
	Port           int      `yaml:"port,omitempty" doc:"Port to listen on; 0 takes any free one."`
	PublicURL      string   `yaml:"public_url,omitempty" doc:"URL by which GitHub reaches the receiver, without /webhook."`
	Allow          string   `yaml:"allow,omitempty" doc:"Who may send: anyone (the signature decides), or only GitHub's published address ranges." enum:"any,github"`
	TrustedProxies []string `yaml:"trusted_proxies,omitempty" doc:"CIDR ranges whose X-Forwarded-For is trusted."`
	TLS            TLS      `yaml:"tls,omitempty" doc:"Serve HTTPS without a proxy in front."`
	Metrics        string   `yaml:"metrics,omitempty" doc:"Loopback address for Prometheus metrics, for example 127.0.0.1:9190; empty switches them off."`
	Catchup        string   `yaml:"catchup,omitempty" doc:"Fetch missed deliveries from GitHub at start and every ten minutes, if there is a login." enum:"on,off"`
	Tunnel         string   `yaml:"tunnel,omitempty" doc:"Tunnel that start runs and watches." enum:"off,ngrok,cloudflared,tailscale"`
}

// TLS is the section receiver.tls.
type TLS struct {
	Cert string `yaml:"cert,omitempty" doc:"Certificate file (PEM), read again when it is renewed."`
	Key  string `yaml:"key,omitempty" doc:"Key file (PEM)."`
	ACME ACME   `yaml:"acme,omitempty" doc:"Get and renew a certificate automatically; port 443 of the domain has to reach the receiver."`
}

// ACME is the section receiver.tls.acme.
type ACME struct {
	Domains   []string `yaml:"domains,omitempty" doc:"Domains of the certificate; an empty list switches ACME off."`
	Email     string   `yaml:"email,omitempty" doc:"Contact for the certificate authority."`
	Directory string   `yaml:"directory,omitempty" doc:"URL of the ACME directory; Let's Encrypt if empty."`
}

// Log is the section log.
type Log struct {
	Dir     string   `yaml:"dir,omitempty" doc:"Directory of the records."`
	Keep    Duration `yaml:"keep,omitempty" doc:"Records older than this are pruned, for example 30d; 0 keeps them."`
	MaxSize Size     `yaml:"max_size,omitempty" doc:"Oldest records are pruned above this size, for example 5GB; 0 means no limit."`
}

// Route is one rule of routes.
type Route struct {
	Event    string   `yaml:"event" doc:"GitHub's name of the event, or * for any."`
	When     string   `yaml:"when,omitempty" doc:"jq expression on the payload; the rule applies if it is true."`
	Notify   string   `yaml:"notify" doc:"Type of the notification; none records without notifying."`
	Priority string   `yaml:"priority,omitempty" doc:"How urgent it is." enum:"low,medium,high,urgent"`
	Subject  string   `yaml:"subject,omitempty" doc:"text/template over the summary of the event."`
	Message  string   `yaml:"message,omitempty" doc:"text/template over the summary of the event."`
	Sinks    []string `yaml:"sinks,omitempty" doc:"Names of the sinks to use; all if empty."`
}

// Trust is the section trust. Its short form is a mode alone: trust: off.
type Trust struct {
	Mode    string   `yaml:"mode,omitempty" doc:"off sends everybody's words to agents." enum:"on,off"`
	Authors []string `yaml:"authors,omitempty" doc:"GitHub's author associations that are trusted."`
	Logins  []string `yaml:"logins,omitempty" doc:"Users who are trusted whatever their association."`
	Bots    []string `yaml:"bots,omitempty" doc:"Apps that are trusted, for example dependabot[bot]."`
}

// Sink is one entry of sinks.
type Sink struct {
	Name    string   `yaml:"name,omitempty" doc:"Name that paths refer to; the type if empty."`
	Type    string   `yaml:"type" doc:"Kind of sink." enum:"aimaestro,amp-send,chat,command,http"`
	URL     string   `yaml:"url,omitempty" doc:"Base URL of AI Maestro, or the URL of an http sink."`
	URLFrom string   `yaml:"url_from,omitempty" doc:"Name of the variable, in the environment or .env, that holds the URL of a chat or http sink, because it contains a key. The URL of a chat sink is one of https://shoutrrr.nickfedor.com/services, as ntfy://ntfy.sh/topic."`
	To      string   `yaml:"to,omitempty" doc:"Recipient."`
	From    string   `yaml:"from,omitempty" doc:"Sender as the recipient sees it."`
	Command []string `yaml:"command,omitempty" doc:"Program and arguments; not run by a shell."`
	Secret  string   `yaml:"secret,omitempty" doc:"Name of the variable that holds the key of an http sink: of its signature, or the token of OpenClaw."`
	Format  string   `yaml:"format,omitempty" doc:"What an http sink posts; CloudEvents if empty." enum:"cloudevents,openclaw,standard-webhooks,template"`
	// Template is checked by the sink.
	Template string   `yaml:"template,omitempty" doc:"text/template of the body, with format: template; fields: Subject, Message, Priority, Type, Repository, URL, Event, ID, DeliveryID, Time, Context; {{json .Subject}} quotes."`
	Timeout  Duration `yaml:"timeout,omitempty" doc:"Time limit of one attempt."`
}

// Path is one entry of paths. The secret of a path is in .env, as GITHUB_WEBHOOK_SECRET_<NAME>.
type Path struct {
	WatchedBranches []string `yaml:"watched_branches,omitempty" doc:"Watched branches of this path, instead of the common ones."`
	Sinks           []string `yaml:"sinks,omitempty" doc:"Names of the sinks of this path, instead of all."`
}

// Setup is the section setup.
type Setup struct {
	Repositories []string `yaml:"repositories,omitempty" doc:"Repositories (owner/name) or organizations that setup works on without -R."`
	Events       []string `yaml:"events,omitempty" doc:"Events to subscribe to; those of the default table if empty."`
}

// Sync is the section sync.
type Sync struct {
	Mode         string      `yaml:"mode,omitempty" doc:"off; suggest: plan and wait for hookctl sync apply; act: do it." enum:"off,suggest,act"`
	Repositories []string    `yaml:"repositories,omitempty" doc:"Repositories (owner/name, patterns allowed); all that were set up if empty."`
	CI           SyncCI      `yaml:"ci,omitempty" doc:"A CI failure becomes an issue."`
	Merged       SyncMerged  `yaml:"merged,omitempty" doc:"A merge closes the issues that the pull request names."`
	Blocked      SyncBlocked `yaml:"blocked,omitempty" doc:"A blocked issue is escalated."`
	Board        SyncBoard   `yaml:"board,omitempty" doc:"A board (GitHub Projects) that shows where each issue is."`
}

// SyncCI is the section sync.ci.
type SyncCI struct {
	Branches     []string `yaml:"branches,omitempty" doc:"Branches whose failures become issues, besides the default branch: watched, all, or patterns."`
	Per          string   `yaml:"per,omitempty" doc:"One issue for each workflow, or for each job." enum:"workflow,job"`
	Labels       []string `yaml:"labels,omitempty" doc:"Labels of the issues; the first finds them again."`
	Logs         string   `yaml:"logs,omitempty" doc:"What the issue shows of the logs; auto is excerpt in private and link in public repositories." enum:"auto,excerpt,link,none"`
	Close        string   `yaml:"close,omitempty" doc:"Whether a green run closes the issue." enum:"on_green,never"`
	ReopenWithin Duration `yaml:"reopen_within,omitempty" doc:"How long after it was closed an issue is reopened instead of creating a new one."`
}

// SyncMerged is the section sync.merged.
type SyncMerged struct {
	Close   []string `yaml:"close,omitempty" doc:"Base branches (patterns allowed) whose merges close issues; GitHub does it for the default branch."`
	Comment string   `yaml:"comment,omitempty" doc:"Comment on an issue that a merge closes." enum:"on,off"`
}

// SyncBlocked is the section sync.blocked.
type SyncBlocked struct {
	Label  string   `yaml:"label,omitempty" doc:"Label that says that an issue is blocked."`
	Remind Duration `yaml:"remind,omitempty" doc:"Remind after this time, and again after as long; 0 does not."`
	Sinks  []string `yaml:"sinks,omitempty" doc:"Names of the sinks that escalations go to; all if empty."`
}

// SyncBoard is the section sync.board.
type SyncBoard struct {
	Project    string `yaml:"project,omitempty" doc:"Board, as owner/number of its address; empty for none."`
	Field      string `yaml:"field,omitempty" doc:"Its single select field."`
	Todo       string `yaml:"todo,omitempty" doc:"Column of what is to be done."`
	InProgress string `yaml:"in_progress,omitempty" doc:"Column of what is worked on."`
	InReview   string `yaml:"in_review,omitempty" doc:"Column of what waits for a review."`
	Blocked    string `yaml:"blocked,omitempty" doc:"Column of what is blocked."`
	Done       string `yaml:"done,omitempty" doc:"Column of what is done; nothing leaves it."`
}

// GitHub is the section github.
type GitHub struct {
	Host string `yaml:"host,omitempty" doc:"Host of GitHub, for example of an Enterprise Server; the host that gh uses if empty."`
}

// TUI is the section tui.
type TUI struct {
	Theme   string              `yaml:"theme,omitempty" doc:"Colours; auto asks the terminal." enum:"auto,light,dark"`
	Mouse   string              `yaml:"mouse,omitempty" doc:"Mouse support." enum:"on,off"`
	ASCII   string              `yaml:"ascii,omitempty" doc:"Draw with ASCII characters only." enum:"on,off"`
	Notify  string              `yaml:"notify,omitempty" doc:"Desktop notification on a failure or a blocked task while the terminal is not focused." enum:"on,off"`
	Keys    map[string][]string `yaml:"keys,omitempty" doc:"Keys by action, replacing the built-in ones."`
	Filters map[string]string   `yaml:"filters,omitempty" doc:"Saved filters by name."`
}

// Cluster is the section cluster. It is in force where a node or a name is set.
type Cluster struct {
	Name        string   `yaml:"name,omitempty" doc:"Name of the cluster, the same on every node."`
	Node        string   `yaml:"node,omitempty" doc:"Name of this node; each has its own."`
	Embed       Embed    `yaml:"embed,omitempty" doc:"NATS JetStream within the receiver."`
	URLs        []string `yaml:"urls,omitempty" doc:"URLs of an existing NATS with JetStream, instead of embed."`
	Credentials string   `yaml:"credentials,omitempty" doc:"File with the NATS credentials for urls."`
	Ack         string   `yaml:"ack,omitempty" doc:"When GitHub is answered: once a quorum has the delivery, or once this node has it." enum:"quorum,local"`
	Notify      string   `yaml:"notify,omitempty" doc:"Whether this node may send the cluster's notifications." enum:"on,off"`
	MaxBytes    Size     `yaml:"max_bytes,omitempty" doc:"Deliveries kept for nodes that are away, for example 10GB; when they are full, new ones are answered with 507."`
}

// Embed is the section cluster.embed.
type Embed struct {
	Listen    string   `yaml:"listen,omitempty" doc:"Address for the other nodes, for example 10.0.0.1:6222."`
	Peers     []string `yaml:"peers,omitempty" doc:"Addresses of all other nodes, at least two."`
	Advertise string   `yaml:"advertise,omitempty" doc:"Address by which others reach listen, where that differs."`
	TLS       PeerTLS  `yaml:"tls,omitempty" doc:"TLS between nodes with files of your own; without them certificates are derived from HOOKCTL_CLUSTER_KEY."`
}

// PeerTLS is the section cluster.embed.tls.
type PeerTLS struct {
	Cert string `yaml:"cert,omitempty" doc:"Certificate file of this node (PEM)."`
	Key  string `yaml:"key,omitempty" doc:"Key file of this node (PEM)."`
	CA   string `yaml:"ca,omitempty" doc:"File with the authority that signed the nodes' certificates (PEM)."`
}

// defaults are the values of a home without hookctl.yaml. logDir is <home>/webhook_logs.
func defaults(logDir string) Values {
	return Values{
		Receiver:        Receiver{Bind: "127.0.0.1", Port: 9000, Allow: "any", Catchup: "on", Tunnel: "off"},
		Log:             Log{Dir: logDir, Keep: 30 * day, MaxSize: 5_000_000_000},
		WatchedBranches: []string{"main", "master", "develop"},
		Sinks:           []Sink{{Type: "aimaestro", URL: "http://127.0.0.1:23000", To: "orchestrator-amoa", From: "hookctl"}},
		Trust:           Trust{Mode: "on", Authors: []string{"OWNER", "MEMBER", "COLLABORATOR"}},
		Coalesce:        Duration(coalesceDefault),
		CoalesceMax:     20,
		Secrets:         "shared",

		Sync: Sync{
			Mode:    "off",
			CI:      SyncCI{Branches: []string{"watched"}, Per: "workflow", Labels: []string{"ci-failure"}, Logs: "auto", Close: "on_green", ReopenWithin: 14 * day},
			Merged:  SyncMerged{Close: []string{"develop"}, Comment: "on"},
			Blocked: SyncBlocked{Label: "blocked", Remind: 3 * day},
			Board:   SyncBoard{Field: "Status", Todo: "Todo", InProgress: "In Progress", InReview: "In Review", Blocked: "Blocked", Done: "Done"},
		},
		Cluster: Cluster{Ack: "quorum", Notify: "on", MaxBytes: 10_000_000_000},

		TUI: TUI{Theme: "auto", Mouse: "on", ASCII: "off", Notify: "off"},
	}
}

const (
	day             = Duration(24 * time.Hour)
	coalesceDefault = 20 * time.Second
)

// Duration is a time span that may be written with days and weeks (30d, 2w, 1d12h), as retention is.
type Duration time.Duration

// parseDuration reads a Go duration in which d and w are allowed too, and a bare 0.
func parseDuration(text string) (Duration, error) {
	var total time.Duration
	rest := strings.TrimSpace(text)
	for rest != "" {
		end := strings.IndexAny(rest, "dw")
		if end < 0 {
			tail, err := time.ParseDuration(rest)
			if err != nil || tail < 0 || tail > math.MaxInt64-total {
				return 0, fmt.Errorf("not a valid duration: %q; write it like 30d, 12h or 90s", text)
			}
			return Duration(total + tail), nil
		}
		unit := 24 * time.Hour
		if rest[end] == 'w' {
			unit *= 7
		}
		n, err := strconv.ParseUint(rest[:end], 10, 16)
		if err != nil || time.Duration(n) > (math.MaxInt64-total)/unit { //nolint:gosec // n has 16 bits.
			return 0, fmt.Errorf("not a valid duration: %q; write it like 30d, 12h or 90s", text)
		}
		total += time.Duration(n) * unit //nolint:gosec // n has 16 bits.
		rest = rest[end+1:]
	}
	if strings.TrimSpace(text) == "" {
		return 0, fmt.Errorf("the duration is empty; write it like 30d, 12h or 90s")
	}
	return Duration(total), nil
}

// String is the shortest spelling that parseDuration reads back.
func (d Duration) String() string {
	if d != 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := time.Duration(d).String()
	for _, nothing := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, nothing) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// Set and Type make a Duration a flag value.
func (d *Duration) Set(text string) error {
	value, err := parseDuration(text)
	if err == nil {
		*d = value
	}
	return err
}

// Type is the word that help shows for the value.
func (d *Duration) Type() string { return "duration" }

// MarshalText makes YAML and JSON show the spelling of String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalYAML reads parseDuration's spelling; its error carries the position.
func (d *Duration) UnmarshalYAML(node ast.Node) error {
	value, err := parseDuration(node.GetToken().Value)
	if err != nil {
		return &positionError{Position: positionOf(node), Err: err}
	}
	*d = value
	return nil
}

// Size is a number of bytes that may be written with a unit (5GB, 500MiB).
type Size int64

// String is the size with its unit.
func (s Size) String() string {
	if s == 0 {
		return "0"
	}
	return strings.ReplaceAll(humanize.Bytes(uint64(max(s, 0))), " ", "")
}

// MarshalText makes YAML and JSON show the spelling of String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalYAML reads a size; its error carries the position.
func (s *Size) UnmarshalYAML(node ast.Node) error {
	text := node.GetToken().Value
	n, err := humanize.ParseBytes(text)
	if err != nil || n > 1<<62 {
		return &positionError{Position: positionOf(node), Err: fmt.Errorf("not a valid size: %q; write it like 5GB or 500MB", text)}
	}
	*s = Size(n)
	return nil
}
