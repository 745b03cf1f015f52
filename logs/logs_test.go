package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var testTime = time.Date(2026, 1, 1, 12, 30, 45, 0, time.UTC)

// openWriter opens a writer on a directory and closes it with the test.
func openWriter(t *testing.T, cfg Config) *Writer {
	t.Helper()
	if cfg.segmentSize == 0 {
		cfg.segmentSize = 256 << 10 // quicker to make
	}
	w, err := OpenWriter(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("close: %v", err)
		}
	})
	return w
}

// openLog opens a reader of its own, as another process would.
func openLog(t *testing.T, dir string) *Log {
	t.Helper()
	l, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func mustAppend(t *testing.T, w *Writer, r *Record) *Record {
	t.Helper()
	if r.EventType == "" {
		r.EventType = "push"
	}
	if r.Payload == nil {
		r.Payload = []byte(`{}`)
	}
	if err := w.Append(t.Context(), r); err != nil {
		t.Fatalf("append: %v", err)
	}
	return r
}

// await polls a condition until it holds.
func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// recordFiles lists the files in the log directory that can be records.
func recordFiles(t *testing.T, dir string) []string {
	t.Helper()
	items, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, item := range items {
		if isRecordName(item.Name()) {
			names = append(names, item.Name())
		}
	}
	return names
}

func TestTwoHundredDeliveriesInOneSecondAreTwoHundredFiles(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir, Now: func() time.Time { return testTime }})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			r := &Record{EventType: "push", DeliveryID: fmt.Sprint("id-", i), Payload: fmt.Appendf(nil, `{"n":%d}`, i)}
			if err := w.Append(context.Background(), r); err != nil {
				t.Errorf("append: %v", err)
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	l := openLog(t, dir)
	for _, name := range recordFiles(t, dir) {
		r, err := l.Read(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(`{"n":%s}`, strings.TrimPrefix(r.DeliveryID, "id-")); string(r.Payload) != want {
			t.Errorf("%s: payload %s, want %s", name, r.Payload, want)
		}
		seen[r.DeliveryID] = true
	}
	if len(seen) != 200 {
		t.Errorf("%d different records, want 200", len(seen))
	}
	for _, name := range []string{"20260101_123045_push.json", "20260101_123045_push_2.json", "20260101_123045_push_200.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestAppendNeverOverwrites(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "20260101_123045_push.json")
	if err := os.WriteFile(foreign, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := openWriter(t, Config{Dir: dir})
	first := mustAppend(t, w, &Record{ReceivedAt: testTime})
	second := mustAppend(t, w, &Record{ReceivedAt: testTime})
	if first.File != "20260101_123045_push_2.json" || second.File != "20260101_123045_push_3.json" {
		t.Errorf("files %s, %s", first.File, second.File)
	}
	w.Close()
	w = openWriter(t, Config{Dir: dir})
	if third := mustAppend(t, w, &Record{ReceivedAt: testTime}); third.File != "20260101_123045_push_4.json" {
		t.Errorf("after a restart: %s", third.File)
	}
	if data, err := os.ReadFile(foreign); err != nil || string(data) != "mine" {
		t.Errorf("the foreign file is %q, %v", data, err)
	}
}

func TestEventHeaderCannotLeaveTheDirectory(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	r := mustAppend(t, w, &Record{EventType: "../../etc/passwd", ReceivedAt: testTime})
	if r.File != "20260101_123045_unknown.json" {
		t.Errorf("file %q", r.File)
	}
	got, err := w.Log().Read(t.Context(), r.File)
	if err != nil || got.EventType != "../../etc/passwd" {
		t.Errorf("event type %q, %v", got.EventType, err)
	}
}

func TestReadTakesOnlyNamesInTheDirectory(t *testing.T) {
	outside := t.TempDir()
	data, err := fullRecord().Encode()
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(outside, "secret.json")
	if err := os.WriteFile(secret, data, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(outside, "logs")
	l := openLog(t, dir)
	if runtime.GOOS != "windows" {
		if err := os.Symlink(secret, filepath.Join(dir, "20260101_123045_push.json")); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"../secret.json", secret, "", ".", "..", "a/../../secret.json", `..\secret.json`, ".hookctl/x.json",
		"C:secret.json", "a\x00.json", "x.txt", "20260101_123045_push.json", "20260101_999999_push.json"} {
		if r, err := l.Read(t.Context(), name); err == nil {
			t.Errorf("Read(%q) gave %v", name, r)
		}
	}
	if _, err := l.Read(t.Context(), "20260101_999999_push.json"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestAppendFillsAndRefuses(t *testing.T) {
	w := openWriter(t, Config{Dir: t.TempDir(), Now: func() time.Time { return testTime }})
	r := mustAppend(t, w, &Record{DeliveryID: "g1"})
	if !r.ReceivedAt.Equal(testTime) || r.Timestamp != "20260101_123045" || r.Source != SourceDelivery || r.File == "" {
		t.Errorf("filled: %+v", r)
	}
	for _, payload := range []string{`{`, `{} {}`, `{"a" 1}`, "\x00"} {
		if err := w.Append(t.Context(), &Record{EventType: "push", Payload: []byte(payload)}); !errors.Is(err, ErrNotJSON) {
			t.Errorf("payload %q was taken", payload)
		}
	}
	opened := &Record{EventType: "push", Payload: []byte(`{"a":1}`)}
	if members, err := opened.Open(); err != nil || len(members) != 1 {
		t.Errorf("%q, %v", members, err)
	}
	for _, payload := range []string{`{"a":1`, `{"a" 1}`} { // One that was opened before does not speak for another.
		if opened.Payload = []byte(payload); !errors.Is(w.Append(t.Context(), opened), ErrNotJSON) {
			t.Errorf("payload %q was taken", payload)
		}
	}
	var dup *DuplicateError
	if err := w.Append(t.Context(), &Record{EventType: "push", DeliveryID: "g1", Source: SourceCatchup}); !errors.As(err, &dup) || dup.File != r.File {
		t.Errorf("the same delivery: %v", err)
	}
	mustAppend(t, w, &Record{DeliveryID: "g1", Source: SourceReplay})
	if found, err := w.Log().Find(t.Context(), "g1"); err != nil || len(found) != 2 {
		t.Errorf("found %v, %v", files(found), err)
	}
}

func TestDuplicatesAreKnownAfterARestart(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	r := mustAppend(t, w, &Record{DeliveryID: "g1"})
	w.Close()
	w = openWriter(t, Config{Dir: dir})
	var dup *DuplicateError
	if err := w.Append(t.Context(), &Record{EventType: "push", DeliveryID: "g1"}); !errors.As(err, &dup) || dup.File != r.File {
		t.Errorf("the same delivery after a restart: %v", err)
	}
}

func TestLatestPointsToTheNewestRecord(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("windows: making a link takes a privilege")
	}
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	mustAppend(t, w, &Record{ReceivedAt: testTime})
	r := mustAppend(t, w, &Record{ReceivedAt: testTime.Add(time.Second)})
	mustAppend(t, w, &Record{ReceivedAt: testTime.Add(-time.Hour), Source: SourceCatchup})
	w.Close()
	if got, err := os.Readlink(filepath.Join(dir, "latest.json")); err != nil || got != r.File {
		t.Errorf("latest.json points to %q, %v; want %q", got, err, r.File)
	}
}

func TestPages(t *testing.T) {
	w := openWriter(t, Config{Dir: t.TempDir()})
	var all []string // newest first
	for i := range 10 {
		event := []string{"push", "issues"}[i%2]
		r := mustAppend(t, w, &Record{EventType: event, ReceivedAt: testTime.Add(time.Duration(i) * time.Minute)})
		all = append([]string{r.File}, all...)
	}
	l := w.Log()
	page := func(q Query) Page {
		t.Helper()
		p, err := l.Page(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	check := func(what string, p Page, want []string, older, newer bool) {
		t.Helper()
		if got := files(p.Entries); !slices.Equal(got, want) || p.HasOlder != older || p.HasNewer != newer {
			t.Errorf("%s: %v older %v newer %v; want %v %v %v", what, got, p.HasOlder, p.HasNewer, want, older, newer)
		}
	}
	first := page(Query{Limit: 4})
	check("newest", first, all[:4], true, false)
	second := page(Query{Limit: 4, Cursor: first.Entries[3].Cursor()})
	check("older", second, all[4:8], true, true)
	check("last", page(Query{Limit: 4, Cursor: second.Entries[3].Cursor()}), all[8:], false, true)
	check("back", page(Query{Limit: 4, Cursor: second.Entries[0].Cursor(), Newer: true}), all[:4], true, false)
	check("back, short", page(Query{Limit: 2, Cursor: second.Entries[0].Cursor(), Newer: true}), all[2:4], true, true)
	check("oldest", page(Query{Limit: 3, Newer: true}), all[7:], false, true)
	check("all", page(Query{}), all, false, false)
	f, err := ParseFilter("event:issues", testTime)
	if err != nil {
		t.Fatal(err)
	}
	check("filtered", page(Query{Filter: f, Limit: 3}), []string{all[0], all[2], all[4]}, true, false)
	if n, err := l.Count(t.Context(), f); n != 5 || err != nil {
		t.Errorf("count %d, %v", n, err)
	}
}

func TestForeignFilesAreReportedAndPassedOver(t *testing.T) {
	dir := t.TempDir()
	whole, err := fullRecord().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"20260101_000000_push.json":   `{"event_type":"push","timestamp":"20260101_000000","result":null,"payload_summary":{"action":null,"sender":"octocat","repository":"o/r"}}`,
		"20260101_000001_torn.json":   string(whole[:len(whole)/2]),
		"20260101_000002_torn.json":   string(whole[:len(whole)-2]),
		"20260101_000003_empty.json":  "",
		"20260101_000004_noise.json":  "\x00\x01\x02",
		"package.json":                `{"name":"x"}`,
		"notes.txt":                   "hello",
		".hidden.json":                "{}",
		"20260101_000005_record.json": string(whole),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "directory.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, dir)
	if err := l.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, err := l.Page(t.Context(), Query{})
	if want := []string{"20260101_000005_record.json", "20260101_000000_push.json"}; err != nil || !slices.Equal(files(p.Entries), want) {
		t.Errorf("page %v, %v; want %v", files(p.Entries), err, want)
	}
	problems, err := l.Problems(t.Context())
	var names []string
	for _, p := range problems {
		names = append(names, p.File)
	}
	want := []string{"20260101_000001_torn.json", "20260101_000002_torn.json", "20260101_000003_empty.json", "20260101_000004_noise.json", "package.json"}
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("problems %v, %v; want %v", problems, err, want)
	}
	// The other program finishes its file.
	if err := os.WriteFile(filepath.Join(dir, "20260101_000001_torn.json"), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, dir)
	if err := l.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, err := l.Page(t.Context(), Query{}); err != nil || len(p.Entries) != 3 {
		t.Errorf("page after mending: %v, %v", files(p.Entries), err)
	}
}

func TestNotificationsAreKept(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	pending := []Notification{{Type: "push", Priority: "low", Sink: "aimaestro", Status: StatusPending}}
	r := mustAppend(t, w, &Record{Notifications: pending, Payload: []byte(`{ "kept": true }`)})
	other := mustAppend(t, w, &Record{})
	if list, err := w.Pending(t.Context()); err != nil || len(list) != 1 || list[0] != r.File {
		t.Fatalf("pending %v, %v", list, err)
	}
	sent := []Notification{{Type: "push", Priority: "low", Sink: "aimaestro", Status: StatusSent, Attempts: 1, MessageID: "msg-1"}}
	if err := w.SetNotifications(t.Context(), r.File, sent); err != nil {
		t.Fatal(err)
	}
	for _, l := range []*Log{w.Log()} {
		got, err := l.Read(t.Context(), r.File)
		if err != nil || len(got.Notifications) != 1 || got.Notifications[0].MessageID != "msg-1" || string(got.Payload) != `{ "kept": true }` {
			t.Errorf("read %+v, %v", got, err)
		}
	}
	if list, err := w.Pending(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("still pending %v, %v", list, err)
	}
	if err := w.SetNotifications(t.Context(), "20200101_000000_push.json", sent); !errors.Is(err, ErrNotFound) {
		t.Errorf("notifications of no record: %v", err)
	}
	w.Close()
	got, err := openLog(t, dir).Read(t.Context(), r.File)
	if err != nil || len(got.Notifications) != 1 || got.Notifications[0].MessageID != "msg-1" {
		t.Errorf("in the file: %+v, %v", got, err)
	}
	if p, err := openLog(t, dir).Page(t.Context(), Query{}); err != nil || len(p.Entries) != 2 || p.Entries[0].File != other.File || p.Entries[1].Notification.Status != StatusSent {
		t.Errorf("in the list: %+v, %v", p.Entries, err)
	}
}

func TestRates(t *testing.T) {
	now := testTime.Add(5 * time.Minute)
	w := openWriter(t, Config{Dir: t.TempDir(), Now: func() time.Time { return now }})
	for _, minute := range []int{0, 1, 1, 4} {
		mustAppend(t, w, &Record{ReceivedAt: testTime.Add(time.Duration(minute)*time.Minute + time.Second)})
	}
	rates, err := w.Log().Rates(t.Context(), testTime.Add(time.Minute), time.Minute)
	var got []int
	for _, r := range rates {
		got = append(got, r.Total)
	}
	if want := []int{2, 0, 0, 1, 0}; err != nil || !slices.Equal(got, want) {
		t.Errorf("rates %v, %v; want %v", got, err, want)
	}
}
