package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"hookctl/hooks"
	"hookctl/logs"
	"hookctl/server/daemon"
)

// The control socket's calls beyond those of the daemon. Both sides of each are here, so that they agree.

// filesRequest names records. Failed stands for every record whose notification was given up.
type filesRequest struct {
	Files  []string `json:"files,omitempty"`
	Failed bool     `json:"failed,omitempty"`
}

// doneAnswer tells how many records were acted on.
type doneAnswer struct {
	Done int `json:"done"`
}

// testRequest is a sample on its way through the receiver. The signature covers Payload.
type testRequest struct {
	Event      string `json:"event"`
	DeliveryID string `json:"delivery_id"`
	Signature  string `json:"signature"`
	Payload    []byte `json:"payload"` // in base64: JSON within JSON would lose its spaces, and with them the signature
}

// catchupRequest asks to fetch what is missing of some repositories or organisations; none means all that are known.
type catchupRequest struct {
	Repositories []string `json:"repositories,omitempty"`
}

// pruneRequest asks to remove what is due; with DryRun only to tell.
type pruneRequest struct {
	DryRun bool `json:"dry_run"`
}

// ingestAnswer names the record that a payload became.
type ingestAnswer struct {
	File      string `json:"file"`
	Duplicate bool   `json:"duplicate"`
}

// failureAnswer is the body of every answer that is no success.
type failureAnswer struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

// status is what `status` shows of the running receiver.
func (r *receiver) status() daemon.Status {
	r.mu.Lock()
	s, tunnel := r.settings, r.tunnel
	r.mu.Unlock()
	stats := r.server.Stats()
	var failing []daemon.FailingSink
	for _, f := range stats.FailingSinks {
		failing = append(failing, daemon.FailingSink(f))
	}
	return daemon.Status{
		Address:              r.address,
		Version:              buildInfo().Version,
		LogDir:               s.Log.Dir,
		Received:             stats.Received,
		Rejected:             stats.Rejected,
		Duplicates:           stats.Duplicates,
		PendingNotifications: stats.Pending,
		PendingSince:         stats.PendingSince,
		FailingSinks:         failing,
		FailedNotifications:  stats.Failed,
		Secret:               first(stats.Secrets),
		Secrets:              stats.Secrets,
		Instance:             r.server.Instance(),
		Alarm:                orElse(stats.Alarm, tunnel.problem),
		PublicURL:            s.Receiver.PublicURL,
	}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func (r *receiver) rejected() []daemon.Rejected {
	list := r.server.Rejections()
	out := make([]daemon.Rejected, 0, len(list))
	for _, x := range slices.Backward(list) { // The control socket tells the newest last.
		out = append(out, daemon.Rejected{
			Time: x.Time, Address: x.Address, Reason: x.Reason, Event: x.Event, DeliveryID: x.DeliveryID, Fingerprints: x.Fingerprints, Former: x.Former,
		})
	}
	return out
}

// extra are the calls that this file adds to the control socket.
func (r *receiver) extra() map[string]http.Handler {
	return map[string]http.Handler{
		"POST /resend":  handle(r.resend),
		"POST /replay":  handle(r.replay),
		"POST /test":    handle(r.test),
		"POST /ingest":  handle(r.ingest),
		"POST /prune":   handle(r.prune),
		"POST /catchup": handle(r.catchup),
		"POST /tunnel":  handle(r.askedForTunnel),
	}
}

// handle turns a function from request to answer into a handler. Records and samples are up to 25 MB, and JSON
// may need more than that to carry them.
func handle[Q, A any](f func(context.Context, Q) (A, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var question Q
		status := http.StatusOK
		var answer any
		err := json.NewDecoder(http.MaxBytesReader(w, req.Body, 64<<20)).Decode(&question)
		if err != nil && !errors.Is(err, io.EOF) {
			status, answer = http.StatusBadRequest, failureAnswer{Error: "read the request: " + err.Error()}
		} else if answer, err = f(req.Context(), question); err != nil {
			status, answer = http.StatusUnprocessableEntity, failureAnswer{Error: err.Error(), Hint: hooks.CureOf(err)}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer) // The other side may be gone; there is nobody left to tell.
	})
}

func (r *receiver) resend(ctx context.Context, q filesRequest) (doneAnswer, error) {
	if q.Failed {
		files, err := failedFiles(ctx, r.log.Log())
		if err != nil {
			return doneAnswer{}, err
		}
		q.Files = append(q.Files, files...)
	}
	n, err := r.server.Resend(ctx, q.Files)
	return doneAnswer{n}, err
}

// failedFiles are the records whose notification was given up, oldest first.
func failedFiles(ctx context.Context, log *logs.Log) ([]string, error) {
	filter, err := parseFilter("status:failed")
	if err != nil {
		return nil, err
	}
	var files []string
	query := logs.Query{Filter: filter, Limit: 1000, Newer: true}
	for {
		page, err := log.Page(ctx, query)
		if err != nil {
			return nil, err
		}
		for i := len(page.Entries) - 1; i >= 0; i-- {
			files = append(files, page.Entries[i].File)
		}
		if !page.HasNewer || len(page.Entries) == 0 {
			return files, nil
		}
		query.Cursor = page.Entries[0].Cursor()
	}
}

func (r *receiver) replay(ctx context.Context, q filesRequest) (doneAnswer, error) {
	var done doneAnswer
	for _, file := range q.Files {
		if err := r.server.Replay(ctx, file); err != nil {
			return done, fmt.Errorf("replay %s: %w", file, err)
		}
		done.Done++
	}
	return done, r.log.Log().Settle(ctx)
}

// test takes a signed sample in. It checks the signature as the front door does, so that a wrong secret shows.
func (r *receiver) test(ctx context.Context, q testRequest) (ingestAnswer, error) {
	now := time.Now()
	r.mu.Lock()
	s := r.settings
	r.mu.Unlock()
	ring, err := s.Store().Ring(now)
	if err != nil {
		return ingestAnswer{}, err
	}
	fingerprint, ok := ring.Match(q.Payload, q.Signature, 0, "/webhook", now)
	if !ok {
		return ingestAnswer{}, hint(errors.New("the signature does not match any secret of the receiver"), "the receiver may work on another home; see: hookctl status")
	}
	record := &logs.Record{
		EventType: q.Event, DeliveryID: q.DeliveryID, Source: logs.SourceTest, Payload: q.Payload,
		Signature: logs.Signature{Verified: true, Secret: fingerprint},
		Headers:   map[string]string{"X-GitHub-Event": q.Event, "X-GitHub-Delivery": q.DeliveryID, "X-Hub-Signature-256": q.Signature},
	}
	return r.ingest(ctx, record)
}

// ingest answers when the record has its file, too, so that the asker's next command finds it.
func (r *receiver) ingest(ctx context.Context, record *logs.Record) (ingestAnswer, error) {
	duplicate, err := r.server.Ingest(ctx, record)
	if err == nil {
		err = r.log.Log().Settle(ctx)
	}
	return ingestAnswer{File: record.File, Duplicate: duplicate}, err
}

func (r *receiver) prune(ctx context.Context, q pruneRequest) (logs.PruneResult, error) {
	return r.log.Prune(ctx, q.DryRun)
}

func (r *receiver) catchup(ctx context.Context, q catchupRequest) (doneAnswer, error) {
	r.mu.Lock()
	s := r.settings
	r.mu.Unlock()
	var targets []hooks.Target
	for _, name := range q.Repositories {
		t, err := hooks.ParseTarget(name)
		if err != nil {
			return doneAnswer{}, err
		}
		targets = append(targets, t)
	}
	n, err := r.catchUpOnce(ctx, s, targets)
	return doneAnswer{n}, errors.Join(err, r.log.Log().Settle(ctx))
}

// askReceiver makes one call to the control socket of the home's receiver.
func askReceiver[A any](ctx context.Context, home, path string, question any) (answer A, err error) {
	body, err := encodeQuestion(question)
	if err != nil {
		return answer, fmt.Errorf("ask the receiver: %w", err)
	}
	res, err := daemon.Dial(home).Do(ctx, http.MethodPost, path, bytes.NewReader(body))
	if errors.Is(err, daemon.ErrNotRunning) {
		return answer, hint(err, "start it with: hookctl start")
	}
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if res.StatusCode != http.StatusOK {
		failure := failureAnswer{Error: "the receiver answered " + res.Status}
		_ = json.NewDecoder(res.Body).Decode(&failure) // The status stands where the body is none of ours.
		return answer, hint(errors.New(failure.Error), failure.Hint)
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("read the receiver's answer: %w", err)
	}
	return answer, nil
}

// encodeQuestion writes a request as JSON. A record encodes itself: json.Marshal would take the spaces out of its payload,
// which is to be kept byte for byte.
func encodeQuestion(question any) ([]byte, error) {
	if record, ok := question.(*logs.Record); ok {
		return record.Encode()
	}
	return json.Marshal(question)
}
