package server

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hookctl/logs"
)

func TestAlarmsStandUntilTheirCauseIsGone(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := newTestServer(t, func(c *Config) { c.Now = func() time.Time { return now } })
	defer s.log.Close()
	if st := s.Stats(); st.Alarm != "" || st.Alarms != nil {
		t.Errorf("at the start: %+v", st.Alarms)
	}
	first := now
	s.warn(alarmRoute+".0", "a slow condition", "hookctl config edit")
	s.SetAlarm("tunnel", "the tunnel\x1b[31m is closed", "hookctl tunnel")
	now = now.Add(time.Minute)
	s.SetAlarm("tunnel", "the tunnel has been closed for a minute", "hookctl tunnel")
	s.SetAlarm(alarmStorage, "the disk is full", "hookctl doctor")
	want := []Alarm{
		{alarmStorage, "the disk is full", "hookctl doctor", false, now},
		{"tunnel", "the tunnel has been closed for a minute", "hookctl tunnel", false, first},
		{alarmRoute + ".0", "a slow condition", "hookctl config edit", true, first},
	}
	if st := s.Stats(); !slices.Equal(st.Alarms, want) || st.Alarm != "the disk is full" {
		t.Errorf("%+v, %q", st.Alarms, st.Alarm)
	}
	s.SetAlarm(alarmStorage, "", "")
	if st := s.Stats(); !slices.Equal(st.Alarms, want[1:]) || st.Alarm != want[1].Text {
		t.Errorf("%+v, %q", st.Alarms, st.Alarm)
	}
}

func TestDeliveryThatCannotBeStoredRaisesAnAlarm(t *testing.T) {
	r := run(t, nil)
	event, payload := sample(t, "push_main")
	ok := request(t, r.url+"/webhook", event, guid(1), payload)
	if status, _ := do(t, ok); status != http.StatusOK {
		t.Fatal(status)
	}
	r.append = func(context.Context, *logs.Record) error { return logs.ErrFull }
	if status, _ := do(t, request(t, r.url+"/webhook", event, guid(2), payload)); status != http.StatusInsufficientStorage {
		t.Errorf("answered %d", status)
	}
	if all := r.Stats().Alarms; len(all) != 1 || all[0].Key != alarmStorage || all[0].Hint == "" || all[0].Since.IsZero() {
		t.Errorf("%+v", all)
	}
	r.append = r.log.Append
	if status, _ := do(t, request(t, r.url+"/webhook", event, guid(2), payload)); status != http.StatusOK {
		t.Errorf("answered %d", status)
	}
	if all := r.Stats().Alarms; len(all) > 0 {
		t.Errorf("after a delivery was stored: %+v", all)
	}
}

func TestDamageOfTheSpoolRaisesAnAlarm(t *testing.T) {
	dir := t.TempDir()
	spool := filepath.Join(dir, ".hookctl", "spool")
	if err := os.MkdirAll(spool, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(spool, "00000001.seg"), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newTestServerIn(t, dir, nil)
	defer s.log.Close()
	await(t, "the alarm", func() bool {
		return slices.ContainsFunc(s.Stats().Alarms, func(a Alarm) bool {
			return a.Key == alarmDamage && strings.Contains(a.Text, "00000001.seg") && a.Hint != ""
		})
	})
}

// Where the index cannot be made, nobody counts what an earlier run left, and the status must not say so for ever.
func TestAnIndexThatCannotBeMadeRaisesAnAlarm(t *testing.T) {
	dir, nowhere := t.TempDir(), filepath.Join(t.TempDir(), "file")
	block := filepath.Join(dir, ".hookctl", "index.lock") // a directory where the lock goes
	if err := errors.Join(os.WriteFile(nowhere, nil, 0o600), os.MkdirAll(block, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData", "TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, nowhere)
	}
	s := newTestServerIn(t, dir, nil)
	defer s.log.Close()
	stands := func() bool {
		return slices.ContainsFunc(s.Stats().Alarms, func(a Alarm) bool { return a.Key == alarmIndex && a.Hint != "" })
	}
	await(t, "the alarm", stands)
	if err := os.Remove(block); err != nil {
		t.Fatal(err)
	}
	await(t, "the end of the alarm", func() bool { return !stands() })
}
