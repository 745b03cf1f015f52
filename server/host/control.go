package host

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/logs/text"
	"hookctl/server"
	"hookctl/server/cluster"
	"hookctl/server/daemon"
	"hookctl/server/route"
)

// The control socket's calls beyond those of the daemon. The receiver's side of each stands beside the client's, so that
// they agree.

// Client calls the running receiver of a home. Every call fails with [daemon.ErrNotRunning] if none runs.
type Client struct{ socket *daemon.Client }

// Dial gives the client of a home. It connects with the first call.
func Dial(home string) *Client { return &Client{daemon.Dial(home)} }

// extra are the calls that this file adds to the control socket.
func (r *receiver) extra() map[string]http.Handler {
	return map[string]http.Handler{
		"POST /resend":  handle(r, r.resend),
		"POST /replay":  handle(r, r.replay),
		"POST /test":    handle(r, r.test),
		"POST /ingest":  handle(r, r.ingest),
		"POST /prune":   handle(r, func(ctx context.Context, q request) (logs.PruneResult, error) { return r.log.Prune(ctx, q.DryRun) }),
		"POST /catchup": handle(r, r.catchup),
		"POST /tunnel":  handle(r, func(context.Context, request) (tunnelState, error) { return r.tunnelNow(), nil }),
		"POST /sync":    handle(r, r.applySync),

		"POST /cluster/status": onNode(r, func(ctx context.Context, n *cluster.Node, _ request) (cluster.Status, error) {
			return n.Status(ctx), nil
		}),
		"POST /cluster/republish": onNode(r, func(ctx context.Context, n *cluster.Node, q request) (cluster.Republished, error) {
			return n.Republish(ctx, q.Since)
		}),
		"POST /cluster/leave": onNode(r, func(ctx context.Context, n *cluster.Node, q request) (doneAnswer, error) {
			return doneAnswer{1}, n.Leave(ctx, q.Node)
		}),
	}
}

// request is what a call asks for. Each has its own of these fields.
type request struct {
	Files        []string  `json:"files,omitempty"`        // records
	Failed       bool      `json:"failed,omitempty"`       // every record whose notification failed for good
	DryRun       bool      `json:"dry_run,omitempty"`      // only say what would be removed
	Repositories []string  `json:"repositories,omitempty"` // or organizations; none means all that are known
	Key          string    `json:"key,omitempty"`          // of the list of sync
	Since        time.Time `json:"since,omitzero"`         // zero means all
	Node         string    `json:"node,omitempty"`
}

// doneAnswer says how many records were acted on.
type doneAnswer struct {
	Done int `json:"done"`
}

// Resend sends the notifications of records again as [server.Server.Resend] does, with failed also those of every record whose
// notification failed for good. Where some were not resent because their sink is gone, the error says so, and the result counts the others.
func (c *Client) Resend(ctx context.Context, files []string, failed bool) (server.Resent, error) {
	done, err := ask[server.Resent](ctx, c, "/resend", request{Files: files, Failed: failed})
	if err == nil && done.Lost > 0 {
		sinks := "sink " + done.Sinks[0]
		if len(done.Sinks) > 1 {
			sinks = "sinks " + strings.Join(done.Sinks, ", ")
		}
		err = hooks.WithCure(fmt.Errorf("%s not resent: the settings have no %s any more", text.Count(done.Lost, "notification was", "notifications were"), sinks),
			"add what is missing to sinks: hookctl config edit")
	}
	return done, err
}

func (r *receiver) resend(ctx context.Context, q request) (server.Resent, error) {
	if q.Failed {
		files, err := failedFiles(ctx, r.log.Log())
		if err != nil {
			return server.Resent{}, err
		}
		q.Files = append(q.Files, files...)
	}
	done, err := r.server.Resend(ctx, q.Files)
	if err == nil && q.Failed {
		var synced int
		synced, err = r.resendSync(ctx)
		done.Done += synced
	}
	return done, err
}

// failedFiles are the records whose notification failed for good, oldest first.
func failedFiles(ctx context.Context, log *logs.Log) ([]string, error) {
	filter, err := logs.ParseFilter("status:failed", time.Now())
	if err != nil {
		return nil, err
	}
	var files []string
	for e, err := range log.All(ctx, filter, nil) {
		if err != nil {
			return nil, err
		}
		files = append(files, e.File)
	}
	slices.Reverse(files)
	return files, nil
}

// Replay takes records in again as if they had just arrived, and returns how many.
func (c *Client) Replay(ctx context.Context, files []string) (int, error) {
	answer, err := ask[doneAnswer](ctx, c, "/replay", request{Files: files})
	return answer.Done, err
}

func (r *receiver) replay(ctx context.Context, q request) (doneAnswer, error) {
	var done doneAnswer
	for _, file := range q.Files {
		if err := r.server.Replay(ctx, file); err != nil {
			return done, fmt.Errorf("replay %s: %w", file, err)
		}
		done.Done++
	}
	return done, r.log.Log().Settle(ctx)
}

// Sample is a test delivery on its way through the receiver. The signature covers Payload.
type Sample struct {
	Event      string `json:"event"`
	DeliveryID string `json:"delivery_id"`
	Signature  string `json:"signature"`
	Payload    []byte `json:"payload"` // in base64: JSON within JSON would lose its spaces, and with them the signature
}

// NewSample returns a payload as a test delivery that is not signed yet, with an id of its own. The event is the given one,
// else that of the payload's _event_type, else workflow_run. A payload that has _event_type loses it, as in the handler that
// hookctl replaces; any other stays byte for byte.
func NewSample(event string, payload []byte) (Sample, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(payload, &fields); err != nil || fields == nil {
		return Sample{}, fmt.Errorf("%w: a payload is one JSON object", route.ErrNotObject)
	}
	if raw, ok := fields["_event_type"]; ok {
		var name string
		err := json.Unmarshal(raw, &name)
		if err != nil {
			return Sample{}, errors.New("_event_type is not a string")
		}
		event = cmp.Or(event, name)
		delete(fields, "_event_type")
		if payload, err = json.Marshal(fields); err != nil {
			return Sample{}, err
		}
	}
	return Sample{Event: cmp.Or(event, "workflow_run"), DeliveryID: uuid.NewString(), Payload: payload}, nil
}

// Ingested names the record that a payload became. Duplicate means that the log had it; then File is empty.
type Ingested struct {
	File      string `json:"file"`
	Duplicate bool   `json:"duplicate"`
}

// Test takes a signed sample in. It checks the signature as the front door does, so that a wrong secret shows.
func (c *Client) Test(ctx context.Context, sample Sample) (Ingested, error) {
	return ask[Ingested](ctx, c, "/test", sample)
}

func (r *receiver) test(ctx context.Context, q Sample) (Ingested, error) {
	signature, err := verified(r.current().Store, q.Payload, q.Signature, 0)
	if err != nil {
		return Ingested{}, err
	}
	if !signature.Verified {
		return Ingested{}, hooks.WithCure(errors.New("the signature does not match any secret of the receiver"), "check that the receiver uses the same home: hookctl status")
	}
	return r.ingest(ctx, &logs.Record{
		EventType: q.Event, DeliveryID: q.DeliveryID, Source: logs.SourceTest, Payload: q.Payload, Signature: signature,
		Headers: map[string]string{"X-GitHub-Event": q.Event, "X-GitHub-Delivery": q.DeliveryID, "X-Hub-Signature-256": q.Signature},
	})
}

// Ingest records a delivery that came another way than over the network, and notifies it. On return the record has its
// file, so that the next command finds it.
func (c *Client) Ingest(ctx context.Context, record *logs.Record) (Ingested, error) {
	return ask[Ingested](ctx, c, "/ingest", record)
}

func (r *receiver) ingest(ctx context.Context, record *logs.Record) (Ingested, error) {
	duplicate, err := r.server.Ingest(ctx, record)
	if err == nil {
		err = r.log.Log().Settle(ctx)
	}
	return Ingested{File: record.File, Duplicate: duplicate}, err
}

// Prune removes the records of a home that are due, or with dryRun only says which. The running receiver does it, because
// it alone writes to the log; without one this process is the writer.
func Prune(ctx context.Context, home string, log logs.Config, dryRun bool) (logs.PruneResult, error) {
	result, err := ask[logs.PruneResult](ctx, Dial(home), "/prune", request{DryRun: dryRun})
	if !errors.Is(err, daemon.ErrNotRunning) {
		return result, err
	}
	if _, err := os.Stat(log.Dir); errors.Is(err, fs.ErrNotExist) {
		return logs.PruneResult{}, nil // looking for old records makes no log
	}
	writer, err := logs.OpenWriter(ctx, log)
	if err != nil {
		return logs.PruneResult{}, err
	}
	result, err = writer.Prune(ctx, dryRun)
	return result, errors.Join(err, writer.Close())
}

// catchup fetches what is missing. The interface asks it.
func (r *receiver) catchup(ctx context.Context, q request) (doneAnswer, error) {
	var targets []hooks.Target
	for _, name := range q.Repositories {
		t, err := hooks.ParseTarget(name)
		if err != nil {
			return doneAnswer{}, err
		}
		targets = append(targets, t)
	}
	n, err := r.catchUp(ctx, r.current(), targets)
	return doneAnswer{n}, errors.Join(err, r.log.Log().Settle(ctx))
}

// AwaitTunnel waits until the receiver has its tunnel open, at most 40 seconds. The error says why it cannot.
func (c *Client) AwaitTunnel(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	tick := time.Tick(100 * time.Millisecond)
	for {
		state, err := ask[tunnelState](ctx, c, "/tunnel", request{})
		if err != nil {
			return err
		}
		if state.Problem != "" {
			return hooks.WithCure(fmt.Errorf("the receiver runs, but not its %s", state.Problem), state.Hint)
		}
		if state.URL != "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the tunnel did not open: %w", ctx.Err())
		case <-tick:
		}
	}
}

// coded adds to an error what programs call its kind: its type stays in this process, its code does not.
func (r *receiver) coded(err error) error {
	if err == nil || r.cfg.Code == nil {
		return err
	}
	return hooks.WithCode(err, r.cfg.Code(err))
}

// handle turns a function from request to answer into a handler. Records and samples are up to 25 MB, and JSON
// may need more than that to carry them.
func handle[Q, A any](r *receiver, f func(context.Context, Q) (A, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var question Q
		status := http.StatusOK
		var answer any
		err := json.NewDecoder(http.MaxBytesReader(w, req.Body, 64<<20)).Decode(&question)
		if err != nil && !errors.Is(err, io.EOF) {
			status, answer = http.StatusBadRequest, hooks.Failure{Error: "read the request: " + err.Error()}
		} else if answer, err = f(req.Context(), question); err != nil {
			status, answer = http.StatusUnprocessableEntity, hooks.Failure{Error: err.Error(), Hint: hooks.CureOf(err), Code: hooks.CodeOf(r.coded(err))}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer) // The other side may be gone; then nobody reads it.
	})
}

// ask makes one call.
func ask[A any](ctx context.Context, c *Client, path string, question any) (answer A, err error) {
	body, err := encode(question)
	if err != nil {
		return answer, fmt.Errorf("ask the receiver: %w", err)
	}
	res, err := c.socket.Do(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if res.StatusCode != http.StatusOK {
		failed := hooks.Failure{Error: "the receiver answered " + res.Status}
		_ = json.NewDecoder(res.Body).Decode(&failed) // The status stands where the body is not one of ours.
		return answer, hooks.WithCode(hooks.WithCure(errors.New(failed.Error), failed.Hint), failed.Code)
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("read the receiver's answer: %w", err)
	}
	return answer, nil
}

// encode writes a request as JSON. A record encodes itself: json.Marshal would take the spaces out of its payload, which
// is to be kept byte for byte.
func encode(question any) ([]byte, error) {
	if record, ok := question.(*logs.Record); ok {
		return record.Encode()
	}
	return json.Marshal(question)
}

// status is what `hookctl status` shows of the running receiver.
func (r *receiver) status() daemon.Status {
	s := r.current()
	status := reshape[daemon.Status](r.server.Stats())
	status.Address, status.Version, status.LogDir, status.PublicURL = r.address, s.Server.Version, r.started.Logs.Dir, s.PublicURL
	status.Instance, status.Cluster, status.NeedsRestart = r.server.Instance(), r.clusterStatus(), needsRestart(r.started, s)
	if len(status.Secrets) > 0 {
		status.Secret = status.Secrets[0]
	}
	return status
}

// reshape takes what a package that may not import daemon says into daemon's own type: both write the same keys as JSON, and a key
// that daemon does not have is not for others.
func reshape[A any](from any) (to A) {
	data, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(data, &to)
	}
	if err != nil {
		panic(fmt.Sprintf("%T as %T: %v", from, to, err)) // a mistake in this program
	}
	return to
}
