package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"hookctl/logs/jsonscan"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func fullRecord() *Record {
	at := time.Date(2026, 1, 1, 12, 30, 45, 123456789, time.UTC)
	number := int64(9007199254740993)
	return &Record{
		EventType: "workflow_run", Timestamp: "20260101_123045", Result: "ci_failure: CI Tests failed on feature/<test>",
		Summary: Summary{Action: "completed", Sender: "octocat", Repository: "owner/repo", Title: "CI Tests", Branch: "feature/<test>",
			Conclusion: "failure", Number: &number, URL: "https://github.com/owner/repo/actions/runs/12345?a=1&b=2",
			Run: Run{Workflow: "CI Tests", ID: 12345, Attempt: 2, SHA: "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d"}},
		DeliveryID: "72d3162e-cc78-11e3-81ab-4c9367dc0958", ReceivedAt: at, HookID: 4711, Source: SourceDelivery,
		Signature: Signature{Verified: true, Secret: "a1b2c3d4"},
		Headers:   map[string]string{"X-GitHub-Event": "workflow_run", "User-Agent": "GitHub-Hookshot/1"},
		Notifications: []Notification{{Type: "ci_failure", Priority: "high", Sink: "aimaestro", To: "orchestrator-amoa", Status: StatusSent,
			Attempts: 1, At: at.Add(time.Second), MessageID: "msg-1"}},
		Payload: json.RawMessage("{ \"id\" : 12345678901234567890, \"n\":1.0,\"text\":\"<\\u00e9\\/>\" , \"payload\":{\"a\":[]}}"),
	}
}

func TestRecordIsWrittenAsDesigned(t *testing.T) {
	full, err := fullRecord().Encode()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "record_full.json", full)
	empty, err := (&Record{EventType: "ping", Timestamp: "20260101_123045"}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "record_empty.json", empty)
}

func TestRecordReadsBackUnchanged(t *testing.T) {
	want := fullRecord()
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeRecord("f.json", data)
	if err != nil {
		t.Fatal(err)
	}
	want.File = "f.json"
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Record{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if string(got.Payload) != string(want.Payload) {
		t.Errorf("payload changed: %s", got.Payload)
	}
}

func TestDecodeRecord(t *testing.T) {
	for _, tc := range []struct {
		name, data string
		err        error // nil is good
		event      string
		payload    string
	}{
		{"old handler", `{"event_type": "push", "timestamp": "20250102_030405", "result": null, "payload_summary": {"action": null, "sender": "octocat", "repository": "o/r"}}`, nil, "push", ""},
		{"old handler, indented", "{\n  \"event_type\": \"push\",\n  \"timestamp\": \"20250102_030405\"\n}\n", nil, "push", ""},
		{"null payload", `{"event_type":"push","payload":null}`, nil, "push", ""},
		{"keys behind the payload", `{"payload":{"a":"}"},"event_type":"push"}`, nil, "push", `{"a":"}"}`},
		{"payload between keys", `{"timestamp":"x","payload":[1,2],"event_type":"push"}`, nil, "push", `[1,2]`},
		{"payload is a word inside", `{"result":"\"payload\":{","event_type":"push","payload":{}}`, nil, "push", `{}`},
		{"unknown keys", `{"event_type":"push","more":{"payload":1},"payload":{}}`, nil, "push", `{}`},
		{"empty", ``, jsonscan.ErrTorn, "", ""},
		{"empty object", `{}`, errNoRecord, "", ""},
		{"array", `[]`, jsonscan.ErrSyntax, "", ""},
		{"other JSON", `{"name":"x","version":1}`, errNoRecord, "", ""},
		{"torn in the head", `{"event_type":"push","timest`, jsonscan.ErrTorn, "", ""},
		{"torn in the payload", `{"event_type":"push","payload":{"a":{}}`, jsonscan.ErrTorn, "", ""},
		{"torn in a string", `{"event_type":"push","payload":{"a":"x}`, jsonscan.ErrTorn, "", ""},
		{"torn before the last brace", `{"event_type":"push","payload":{"a":1}`, jsonscan.ErrTorn, "", ""},
		{"rubbish behind", `{"event_type":"push","payload":{}}{}`, jsonscan.ErrSyntax, "", ""},
		{"payload is no JSON", `{"event_type":"push","payload":{"a" 1}}`, jsonscan.ErrSyntax, "", ""},
		{"zeros", strings.Repeat("\x00", 100), jsonscan.ErrSyntax, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := decodeRecord("f.json", []byte(tc.data))
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			var torn *TornError
			if err != nil {
				if !errors.As(err, &torn) || torn.File != "f.json" {
					t.Fatalf("error %v is no TornError of the file", err)
				}
				return
			}
			if r.EventType != tc.event || string(r.Payload) != tc.payload {
				t.Errorf("event %q, payload %q; want %q, %q", r.EventType, r.Payload, tc.event, tc.payload)
			}
		})
	}
}

func TestOldHandlersTimeIsReceivedAt(t *testing.T) {
	r, err := decodeRecord("f.json", []byte(`{"event_type":"push","timestamp":"20250102_030405","result":"ok","payload_summary":{"action":null,"sender":null,"repository":"o/r"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC); !r.ReceivedAt.Equal(want) {
		t.Errorf("received at %v, want %v", r.ReceivedAt, want)
	}
}

func FuzzRecord(f *testing.F) {
	full, err := fullRecord().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Add(full[:len(full)/2])
	f.Add([]byte(`{"event_type":"push","timestamp":"20250102_030405","result":null,"payload_summary":{"action":null}}`))
	f.Add([]byte(`{"payload":{"a":"}"},"event_type":"push"}`))
	for i := range 20 {
		sample, err := Sample(1, i, testTime).Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(sample)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, want := jsonscan.Valid(data), json.Valid(data); got != want {
			t.Fatalf("valid JSON: %v, and encoding/json says %v", got, want)
		}
		r, err := decodeRecord("f.json", data)
		if err != nil {
			return
		}
		again, err := r.Encode()
		if err != nil {
			t.Fatalf("a record that was read cannot be written: %v", err)
		}
		s, err := decodeRecord("f.json", again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, again)
		}
		if string(r.Payload) != string(s.Payload) {
			t.Fatalf("payload %q became %q", r.Payload, s.Payload)
		}
		// The quick way, which does not look at the payload, must agree.
		got, err := readHead(bytes.NewReader(again), int64(len(again)), make([]byte, 64))
		if err != nil {
			t.Fatalf("head: %v", err)
		}
		got.File = s.File
		if want := s.Entry(0); !reflect.DeepEqual(got, want) {
			t.Fatalf("head says %+v, the whole file %+v", got, want)
		}
	})
}

func TestEntryJSON(t *testing.T) {
	r := fullRecord()
	r.File = "20260101_123045_workflow_run.json"
	full, err := json.MarshalIndent([]Entry{r.Entry(4096), (&Record{EventType: "push", File: "old.json"}).Entry(1)}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "entries.json", append(full, '\n'))
}

func TestMostUrgentNotificationIsShown(t *testing.T) {
	n := func(status, priority string) Notification {
		return Notification{Type: status + priority, Status: status, Priority: priority}
	}
	for _, tc := range []struct {
		list []Notification
		want string
	}{
		{[]Notification{n(StatusSent, "low"), n(StatusSent, "high")}, "senthigh"},
		{[]Notification{n(StatusSent, "urgent"), n(StatusPending, "low")}, "pendinglow"},
		{[]Notification{n(StatusPending, "urgent"), n(StatusFailed, "low")}, "failedlow"},
		{[]Notification{n(StatusFailed, "medium"), n(StatusFailed, "low")}, "failedmedium"},
	} {
		e := (&Record{Notifications: tc.list}).Entry(0)
		if e.Notification.Type != tc.want {
			t.Errorf("%v: shown %q, want %q", tc.list, e.Notification.Type, tc.want)
		}
	}
}
