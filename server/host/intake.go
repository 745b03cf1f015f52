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
	"hookctl/logs/text"
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
	if i.server, err = server.New(config); err != nil {
		return nil, errors.Join(err, i.writer.Close())
	}
	return i, nil
}

// Close ends the intake.
func (i *Intake) Close() error {
	if i.writer == nil {
		return nil
	}
	return i.writer.Close()
}

// Fetch gets what is missing from GitHub, records it, and calls recorded for each event. What fails does not keep the rest
// from being fetched.
func (i *Intake) Fetch(ctx context.Context, client *hooks.Client, missing []hooks.Missing, recorded func(hooks.Missing, Ingested)) error {
	_, err := client.Fetch(ctx, missing, func(ctx context.Context, m hooks.Missing, d hooks.Delivery) error {
		answer, err := i.ingest(ctx, fetchedRecord(m, d))
		if err == nil {
			recorded(m, answer)
		}
		return err
	})
	return err
}

func (i *Intake) ingest(ctx context.Context, record *logs.Record) (Ingested, error) {
	if i.writer == nil {
		return i.client.Ingest(ctx, record)
	}
	duplicate, err := i.server.Ingest(ctx, record)
	return Ingested{File: record.File, Duplicate: duplicate}, err
}

// fetchedRecord is a delivery that came through the API. Its original bytes are gone, so no signature can be checked: the
// API call is the proof of where it comes from.
func fetchedRecord(m hooks.Missing, d hooks.Delivery) *logs.Record {
	header := http.Header{}
	for name, value := range d.RequestHeaders {
		header.Set(name, value)
	}
	return &logs.Record{
		EventType: d.Event, DeliveryID: d.GUID, HookID: m.Hook.ID, Source: logs.SourceCatchup, Headers: keptHeaders(header), Payload: d.Payload,
	}
}

// keptHeaders are the headers that a record keeps, as the receiver's intake keeps them.
func keptHeaders(header http.Header) map[string]string {
	kept := map[string]string{}
	for _, name := range []string{
		"X-GitHub-Event", "X-GitHub-Delivery", "X-GitHub-Hook-ID", "X-GitHub-Hook-Installation-Target-Type",
		"X-GitHub-Hook-Installation-Target-ID", "X-Hub-Signature-256", "Content-Type", "User-Agent",
	} {
		if value := text.Clean(header.Get(name)); value != "" {
			kept[name] = value
		}
	}
	return kept
}

// Relayed hands a delivery that came through GitHub's relay to the receiver, and returns what to answer GitHub. Where GitHub
// signed it, the signature has to match a secret of the store, or the answer is 401 and nothing is recorded; where it did
// not, the connection that we opened to GitHub is the proof of where it comes from.
func (c *Client) Relayed(ctx context.Context, store *secret.Store, d hooks.RelayDelivery) (hooks.RelayAnswer, Ingested, error) {
	record := &logs.Record{
		EventType: d.Header.Get("X-GitHub-Event"), DeliveryID: d.Header.Get("X-GitHub-Delivery"), HookID: d.HookID,
		Source: logs.SourceRelay, Headers: keptHeaders(d.Header), Payload: d.Body,
	}
	if signature := d.Header.Get("X-Hub-Signature-256"); signature != "" {
		now := time.Now()
		ring, err := store.Ring(now)
		if err != nil {
			return hooks.RelayAnswer{}, Ingested{}, err
		}
		fingerprint, ok := ring.Match(d.Body, signature, d.HookID, "/webhook", now)
		if !ok {
			return hooks.RelayAnswer{Status: http.StatusUnauthorized, Body: []byte(`{"error":"the signature does not match"}`)}, Ingested{}, nil
		}
		record.Signature = logs.Signature{Verified: true, Secret: fingerprint}
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
