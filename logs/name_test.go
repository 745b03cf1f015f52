package logs

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSafeEvent(t *testing.T) {
	for in, want := range map[string]string{
		"push": "push", "workflow_run": "workflow_run", "": "unknown", "../../etc/passwd": "unknown", "Push": "unknown",
		"a.b": "unknown", "a\x00": "unknown", string(make([]byte, 65)): "unknown",
	} {
		if got := SafeEvent(in); got != want {
			t.Errorf("SafeEvent(%q) = %q, want %q", in, got, want)
		}
	}
}

// After a kill a name may be free while later ones of the same second are taken. A record that is shared late gets one that
// stays its own: an outcome goes by the name.
func TestNamesBehindAGapAreTaken(t *testing.T) {
	dir := t.TempDir()
	at := testTime.Add(-time.Hour)
	record := func(guid string) *Record {
		return &Record{EventType: "push", DeliveryID: guid, ReceivedAt: at, Payload: []byte(`{}`), Notifications: []Notification{{Type: "x", Status: "pending"}}}
	}
	w := openWriter(t, Config{Dir: dir})
	old := []*Record{mustAppend(t, w, record("a")), mustAppend(t, w, record("b")), mustAppend(t, w, record("c"))}
	allFiled(t, w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, old[1].File)); err != nil {
		t.Fatal(err)
	}
	w = openWriter(t, Config{Dir: dir})
	mustAppend(t, w, record("d"))
	e := mustAppend(t, w, record("e"))
	if e.File == old[2].File {
		t.Fatalf("%s is the name of two records", e.File)
	}
	allFiled(t, w)
	if err := w.SetNotifications(t.Context(), old[2].File, []Notification{{Type: "x", Status: "sent"}}); err != nil {
		t.Fatal(err)
	}
	allFiled(t, w)
	for file, want := range map[string]string{old[2].File: "sent", e.File: "pending"} {
		if r, err := w.Log().Read(t.Context(), file); err != nil || r.Notifications[0].Status != want {
			t.Errorf("%s: %+v, %v; want %s", file, r, err, want)
		}
	}
}
