package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"hookctl/hooks"
	"hookctl/hooks/secret"
	"hookctl/logs"
	"hookctl/server"
	"hookctl/server/daemon"
)

// Intake records deliveries that came another way than over the network: those that were fetched from GitHub.
type Intake struct {
	client *Client
	writer *logs.Writer // nil where a receiver runs
	server *server.Server
}

// OpenIntake opens the way into the log of a home. The running receiver takes deliveries in; without one, this process is
// the writer of the log until Close, and the notifications go out when a receiver starts.
func OpenIntake(ctx context.Context, home string, s *Settings) (*Intake, error) {
	i := &Intake{client: Dial(home)}
	_, err := daemon.Dial(home).Status(ctx)
	if err == nil {
		return i, nil
	}
	if !errors.Is(err, daemon.ErrNotRunning) {
		return nil, err
	}
	if i.writer, err = logs.OpenWriter(ctx, s.Logs); err != nil {
		return nil, err
	}
	config := s.Server
	config.Log = i.writer
	config.Consumer = judge(home, s)
	if i.server, err = server.New(config); err != nil {
		return nil, errors.Join(err, i.writer.Close())
	}
	return i, nil
}

// Close ends the intake, once what it recorded has its files.
func (i *Intake) Close(ctx context.Context) error {
	if i.writer == nil {
		return nil
	}
	return errors.Join(i.writer.Log().Settle(ctx), i.writer.Close())
}

// Ingest records a delivery that was fetched, and returns its file; duplicate means that the log had it. It is a [fleet.Ingest].
func (i *Intake) Ingest(ctx context.Context, h hooks.Hook, d hooks.Delivery) (file string, duplicate bool, err error) {
	record := fetched(h, d)
	if i.writer == nil {
		answer, err := i.client.Ingest(ctx, record)
		return answer.File, answer.Duplicate, err
	}
	duplicate, err = i.server.Ingest(ctx, record)
	return record.File, duplicate, err
}

// fetched is the record of a delivery that came through GitHub's API.
func fetched(h hooks.Hook, d hooks.Delivery) *logs.Record {
	header := http.Header{}
	for name, value := range d.RequestHeaders {
		header.Set(name, value)
	}
	kept := server.KeptHeaders(header)
	if name := hooks.PathName(h.URL); name != "" {
		kept[logs.PathHeader] = name
	}
	return &logs.Record{EventType: d.Event, DeliveryID: d.GUID, HookID: h.ID, Source: logs.SourceCatchup, Headers: kept, Payload: d.Payload}
}

// verified says which secret of the store made a signature, if any.
func verified(store *secret.Store, body []byte, signature string, hook int64) (logs.Signature, error) {
	now := time.Now()
	ring, err := store.Ring(now)
	if err != nil {
		return logs.Signature{}, err
	}
	fingerprint, ok := ring.Match(body, signature, hook, "/webhook", now)
	return logs.Signature{Verified: ok, Secret: fingerprint}, nil
}

// Relayed hands a delivery that came through GitHub's relay to the receiver, and returns what to answer GitHub. Where GitHub
// signed it, the signature has to match a secret of the store, or the answer is 401 and nothing is recorded; where it did
// not, the connection that we opened to GitHub is the proof of where it comes from.
func (c *Client) Relayed(ctx context.Context, store *secret.Store, d hooks.RelayDelivery) (hooks.RelayAnswer, Ingested, error) {
	record := &logs.Record{
		EventType: d.Header.Get("X-GitHub-Event"), DeliveryID: d.Header.Get("X-GitHub-Delivery"), HookID: d.HookID,
		Source: logs.SourceRelay, Headers: server.KeptHeaders(d.Header), Payload: d.Body,
	}
	if signature := d.Header.Get("X-Hub-Signature-256"); signature != "" {
		var err error
		if record.Signature, err = verified(store, d.Body, signature, d.HookID); err != nil {
			return hooks.RelayAnswer{}, Ingested{}, err
		}
		if !record.Signature.Verified {
			return hooks.RelayAnswer{Status: http.StatusUnauthorized, Body: []byte(`{"error":"the signature does not match"}`)}, Ingested{}, nil
		}
	}
	ingested, err := c.Ingest(ctx, record)
	if err != nil {
		return hooks.RelayAnswer{}, ingested, err
	}
	body, err := json.Marshal(struct {
		Status    string `json:"status"`
		Delivery  string `json:"delivery"`
		Duplicate bool   `json:"duplicate"`
	}{"ok", record.DeliveryID, ingested.Duplicate})
	if err != nil {
		return hooks.RelayAnswer{}, ingested, fmt.Errorf("answer the relay: %w", err)
	}
	return hooks.RelayAnswer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}, ingested, nil
}
