package server

import (
	"net/http"
	"testing"
)

func TestHooksThatDeliveredAreKnownAlsoAfterARestart(t *testing.T) {
	dir := t.TempDir()
	r := runIn(t, dir, nil)
	event, payload := sample(t, "push_main")
	forged := request(t, r.url+"/webhook", event, guid(1), payload)
	forged.Header.Set("X-Hub-Signature-256", "sha256=00")
	if status, _ := do(t, forged); status != http.StatusUnauthorized {
		t.Fatal(status)
	}
	if r.acquainted.with(4711) {
		t.Error("a hook is known by a delivery that was not signed")
	}
	r.deliver(t, "push_main", guid(2))
	if !r.acquainted.with(4711) || r.acquainted.with(4712) || r.acquainted.with(0) {
		t.Errorf("known: %v", r.acquainted.ids)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := runIn(t, dir, nil)
	await(t, "the hook of before", func() bool { return again.acquainted.with(4711) })
}
