package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cenkalti/backoff/v5"

	"hookctl/logs"
	"hookctl/server/route"
	"hookctl/server/sink"
)

// consumedFiles are deliveries that a consumer of the tests handled, in order.
type consumedFiles struct {
	mu    sync.Mutex
	order []string // delivery ids
	fail  map[string]error
}

// consumer wants every push; the key of each is its title up to a space.
func (c *consumedFiles) consumer() *Consumer {
	return &Consumer{
		Judge: func(rec *logs.Record) *logs.Sync {
			if rec.EventType != "push" {
				return &logs.Sync{Status: logs.SyncSkipped, Text: "no push"}
			}
			key, _, _ := strings.Cut(rec.Summary.Title, " ")
			return &logs.Sync{Status: logs.StatusPending, Key: key}
		},
		Handle: func(_ context.Context, rec *logs.Record) (logs.Sync, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if err := c.fail[rec.Summary.Title]; err != nil {
				return logs.Sync{}, err
			}
			c.order = append(c.order, rec.Summary.Title)
			return logs.Sync{Status: logs.SyncDone, Key: rec.Sync.Key, Text: "did " + rec.Summary.Title, Issue: 7, URL: "https://github.com/o/r/issues/7",
				Notices: []logs.SyncNotice{{Type: "task_updated", Priority: "low", Subject: "Issue #7 created in o/r", Message: "Issue #7 was created."}}}, nil
		},
	}
}

func (c *consumedFiles) set(title string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail == nil {
		c.fail = map[string]error{}
	}
	c.fail[title] = err
}

func (c *consumedFiles) done() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.order)
}

func titledPush(title string) []byte {
	return fmt.Appendf(nil, `{"ref":"refs/heads/main","repository":{"full_name":"o/r"},"commits":[],"head_commit":{"message":%q}}`, title)
}

// ingested records pushes of these titles and returns their files.
func ingested(t *testing.T, s *Server, titles ...string) []string {
	t.Helper()
	var files []string
	for _, title := range titles {
		rec := &logs.Record{EventType: "push", DeliveryID: "d-" + title, Payload: titledPush(title)}
		if _, err := s.Ingest(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		files = append(files, rec.File)
	}
	return files
}

// untilSync waits until the sync of a record has a status.
func untilSync(t *testing.T, s *Server, file, status string) *logs.Record {
	t.Helper()
	var found *logs.Record
	await(t, "the sync of "+file+" to be "+status, func() bool {
		rec, err := s.log.Log().Read(t.Context(), file)
		found = rec
		return err == nil && rec.Sync != nil && rec.Sync.Status == status && (status != logs.StatusPending || rec.Sync.Attempts > 0)
	})
	return found
}

func TestConsumerKeepsOrderAndSetsAsideByKey(t *testing.T) {
	var c consumedFiles
	c.set("a 1", errors.New("GitHub is away"))
	r := run(t, func(cfg *Config) { cfg.Consumer = c.consumer() })
	files := ingested(t, r.Server, "a 1", "a 2", "b 1", "c 1", "b 2")
	untilSync(t, r.Server, files[4], logs.SyncDone)
	if got := strings.Join(c.done(), ", "); got != "b 1, c 1, b 2" {
		t.Errorf("with a failing, %s was done", got)
	}
	rec := untilSync(t, r.Server, files[0], logs.StatusPending)
	if rec.Sync.Error != "GitHub is away" || rec.Sync.NextAt.IsZero() {
		t.Errorf("%+v", rec.Sync)
	}
	c.set("a 1", nil)
	untilSync(t, r.Server, files[1], logs.SyncDone)
	if got := strings.Join(c.done()[3:], ", "); got != "a 1, a 2" {
		t.Errorf("then %s was done", got)
	}
}

// What is refused for good is failed, holds nobody up, and can be tried again.
func TestConsumerFailsForGoodAndIsResent(t *testing.T) {
	var c consumedFiles
	c.set("a 1", backoff.Permanent(errors.New("the repository is archived")))
	r := run(t, func(cfg *Config) { cfg.Consumer = c.consumer() })
	files := ingested(t, r.Server, "a 1", "a 2")
	rec := untilSync(t, r.Server, files[0], logs.StatusFailed)
	if rec.Sync.Error != "the repository is archived" || rec.Sync.Attempts != 1 {
		t.Errorf("%+v", rec.Sync)
	}
	untilSync(t, r.Server, files[1], logs.SyncDone)
	c.set("a 1", nil)
	if n, err := r.Resend(t.Context(), files[:1]); err != nil || n.Done != 1 {
		t.Errorf("resent %+v, %v", n, err)
	}
	if rec = untilSync(t, r.Server, files[0], logs.SyncDone); rec.Sync.Issue != 7 || rec.Sync.URL == "" {
		t.Errorf("%+v", rec.Sync)
	}
}

// What an earlier run left pending is consumed first, in its order.
func TestConsumerGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	var c consumedFiles
	first := newTestServerIn(t, dir, func(cfg *Config) { cfg.Consumer = c.consumer() }) // it never runs
	ingested(t, first, "a 1", "b 1", "a 2")
	if err := first.log.Close(); err != nil {
		t.Fatal(err)
	}
	r := runIn(t, dir, func(cfg *Config) { cfg.Consumer = c.consumer() })
	files := ingested(t, r.Server, "a 3")
	untilSync(t, r.Server, files[0], logs.SyncDone)
	if got := strings.Join(c.done(), ", "); got != "a 1, b 1, a 2, a 3" {
		t.Errorf("done: %s", got)
	}
}

// What was known of pending work may be lost; the index has it too.
func TestConsumerGoesOnWithoutTheLedger(t *testing.T) {
	dir := t.TempDir()
	var c consumedFiles
	first := newTestServerIn(t, dir, func(cfg *Config) { cfg.Consumer = c.consumer() }) // it never runs
	files := ingested(t, first, "a 1", "b 1")
	await(t, "the records as files", func() bool { return first.log.Log().Settle(t.Context()) == nil && first.log.Health().SpoolRecords == 0 })
	if err := first.log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, ".hookctl", "known")); err != nil {
		t.Fatal(err)
	}
	r := runIn(t, dir, func(cfg *Config) { cfg.Consumer = c.consumer() })
	for _, file := range files {
		untilSync(t, r.Server, file, logs.SyncDone)
	}
}

// The sinks hear of it once, and what they got before stays as it was.
func TestConsumerTellsTheSinks(t *testing.T) {
	m := newMaestro(t)
	var c consumedFiles
	r := run(t, func(cfg *Config) {
		cfg.Consumer = c.consumer()
		cfg.Sinks = []sink.Config{m.sink()}
	})
	files := ingested(t, r.Server, "a 1", "b 1", "c 1")
	for _, file := range files {
		untilSync(t, r.Server, file, logs.SyncDone)
		await(t, "both notifications of "+file, func() bool {
			rec, err := r.log.Log().Read(t.Context(), file)
			return err == nil && len(rec.Notifications) == 2 && rec.Notifications[0].Status == logs.StatusSent && rec.Notifications[1].Status == logs.StatusSent &&
				rec.Notifications[0].Type == "push" && rec.Notifications[1].Type == "task_updated"
		})
	}
	// A kill between the outcome and the message: no sink hears of it again.
	rec, err := r.log.Log().Read(t.Context(), files[0])
	if err != nil {
		t.Fatal(err)
	}
	again := *rec.Sync
	if err := r.consuming.finish(t.Context(), rec, again, 2); err != nil {
		t.Fatal(err)
	}
	if rec, err = r.log.Log().Read(t.Context(), files[0]); err != nil || len(rec.Notifications) != 2 || rec.Sync.Status != logs.SyncDone {
		t.Errorf("%+v, %v", rec, err)
	}
}

func TestWithoutAConsumerRecordsHaveNoSync(t *testing.T) {
	r := run(t, nil)
	files := ingested(t, r.Server, "a 1")
	if rec, err := r.log.Log().Read(t.Context(), files[0]); err != nil || rec.Sync != nil {
		t.Errorf("%+v, %v", rec.Sync, err)
	}
}

// Escalations go to the sinks that the settings name, of whatever path, and nowhere else. There people get every word, and an agent
// those of people who are trusted.
func TestEscalationsGoToTheirOwnSinks(t *testing.T) {
	agent, other := newMaestro(t), newMaestro(t)
	bodies := make(chan string, 10)
	people := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies <- string(data)
	}))
	t.Cleanup(people.Close)
	escalation := func(association string) logs.SyncNotice {
		return logs.SyncNotice{Type: "task_escalated", Priority: "high", Subject: "Task GH-3 needs a decision in o/r", Message: "The last comment: " + hostile,
			Sinks: []string{"people", "aimaestro"}, Authors: map[string]string{"hubot": association}}
	}
	association := make(chan string, 3)
	r := run(t, func(cfg *Config) {
		otherSink := other.sink()
		otherSink.Name = "other"
		cfg.Sinks = []sink.Config{agent.sink(), {Type: "http", Name: "people", URL: people.URL}, otherSink}
		cfg.Paths = map[string]PathConfig{"a": {Sinks: []sink.Config{otherSink}}}
		cfg.IgnoreSenders = []string{"octocat"} // no other notification
		cfg.Trust = route.Trust{On: true, Authors: []string{"MEMBER"}}
		cfg.Consumer = &Consumer{
			Judge: func(rec *logs.Record) *logs.Sync { return &logs.Sync{Status: logs.StatusPending, Key: rec.DeliveryID} },
			Handle: func(context.Context, *logs.Record) (logs.Sync, error) {
				return logs.Sync{Status: logs.SyncDone, Notices: []logs.SyncNotice{escalation(<-association)}}, nil
			},
		}
	})
	payload := []byte(`{"action":"labeled","label":{"name":"blocked"},"sender":{"login":"octocat"},"issue":{"number":3,"title":"Gears","author_association":"MEMBER","html_url":"https://github.com/o/r/issues/3"},
		"repository":{"id":1,"full_name":"o/r","html_url":"https://github.com/o/r"}}`)
	for i, c := range []struct {
		path, association string
		shown             bool
	}{{"", "MEMBER", true}, {"", "NONE", false}, {"a", "MEMBER", true}} {
		association <- c.association
		rec := &logs.Record{EventType: "issues", DeliveryID: guid(i), Payload: payload}
		if c.path != "" {
			rec.Headers = map[string]string{pathHeader: c.path}
		}
		if _, err := r.Ingest(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		if body := <-bodies; !strings.Contains(body, hostile) {
			t.Errorf("%+v: people get %s", c, body)
		}
		await(t, "the agent's message", func() bool { return len(agent.messages()) == i+1 })
		if got := agent.messages()[i].Content.Message; strings.Contains(got, hostile) != c.shown {
			t.Errorf("%+v: the agent gets %s", c, got)
		}
	}
	if n := other.attempts(); n != 0 {
		t.Errorf("%d messages went to a sink that was not named", n)
	}
}
