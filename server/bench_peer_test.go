package server

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// peerVariable names the program of github.com/adnanh/webhook, where a person has built it.
const peerVariable = "HOOKCTL_BENCH_WEBHOOK"

// BenchmarkAcknowledgeBesideWebhook measures acknowledgements beside those of github.com/adnanh/webhook in one run.
// The peer checks the same signature and waits for the shortest command there is, which keeps nothing: to be as
// durable it would have to do more.
func BenchmarkAcknowledgeBesideWebhook(b *testing.B) {
	program := os.Getenv(peerVariable)
	if program == "" {
		b.Skip(peerVariable + " does not name the webhook program")
	}
	event, payload := padded(b)
	const connections = 64
	b.StopTimer()
	peerURL, stopPeer := servePeer(b, program)
	load(b, peerURL, event, payload, connections, min(b.N, 50))
	peer := load(b, peerURL, event, payload, connections, b.N)
	stopPeer()
	url, stop := serveOwn(b)
	load(b, url, event, payload, connections, min(b.N, 50))
	b.StartTimer()
	own := load(b, url, event, payload, connections, b.N)
	b.StopTimer()
	stop()
	b.ReportMetric(own.rate, "acks/s")
	b.ReportMetric(peer.rate, "webhook-acks/s")
	b.ReportMetric(own.rate/peer.rate, "x-webhook")
}

// servePeer starts the program with one hook at /webhook.
func servePeer(b *testing.B, program string) (string, func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	config, err := json.Marshal([]any{map[string]any{
		"id": "webhook", "execute-command": "/bin/true", "include-command-output-in-response": true,
		"trigger-rule": map[string]any{"match": map[string]any{
			"type": "payload-hmac-sha256", "secret": testSecret,
			"parameter": map[string]any{"source": "header", "name": "X-Hub-Signature-256"},
		}},
	}})
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "hooks.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(program, "-hooks", file, "-ip", "127.0.0.1", "-port", fmt.Sprint(port), "-urlprefix", "")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	await(b, "the peer", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return "http://" + address, func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
}
