package hooks

import (
	"strings"
	"testing"
)

func TestExplainAnswers(t *testing.T) {
	for _, tt := range []struct {
		status            string
		code              int
		state, text, cure string
		passing           bool
	}{
		{"failed to connect to host", 502, "not reached: failed to connect to host", "could not connect", "hookctl start", true},
		{"failed to connect to host: Connection refused", 0, "not reached: failed to connect", "refused", "hookctl start", true},
		{"timed out", 504, "not reached: timed out", "within 10 seconds", "hookctl status", true},
		{"Service Timeout", 0, "not reached: Service Timeout", "within 10 seconds", "hookctl status", true},
		{"Peer certificate cannot be authenticated with given CA certificates", 0, "not reached: Peer", "does not trust the certificate", "renew", false},
		{"SSL connect error", 0, "not reached: SSL", "does not trust the certificate", "renew", false},
		{"Couldn't resolve host name", 0, "not reached: Couldn't", "does not resolve", "DNS", false},
		{"Invalid HTTP Response: 301", 301, "301 redirected", "redirects, which GitHub does not follow (301)", "--url", false},
		{"Invalid HTTP Response: 400", 400, "400 not understood", "did not understand it (400)", "hookctl rejected", false},
		{"Invalid HTTP Response: 401", 401, "401 signed with another secret", "different secrets (401)", "hookctl rotate", false},
		{"Invalid HTTP Response: 403", 403, "403 forbidden on the way", "forbidden", "receiver.allow", false},
		{"Invalid HTTP Response: 404", 404, "404 wrong path", "no path of the receiver", "hookctl setup", false},
		{"Invalid HTTP Response: 405", 405, "405 wrong path", "no path of the receiver", "hookctl setup", false},
		{"Invalid HTTP Response: 413", 413, "413 too large", "too large", "25 MB", false},
		{"Invalid HTTP Response: 415", 415, "415 wrong content type", "content type", "hookctl setup", false},
		{"Invalid HTTP Response: 418", 418, "418 not accepted", "Invalid HTTP Response: 418 (418)", "leads to", false},
		{"Invalid HTTP Response: 429", 429, "429 too many", "rate limit", "limit", false},
		{"Invalid HTTP Response: 500", 500, "500 the receiver failed", "failed (500)", "its log", true},
		{"Invalid HTTP Response: 502", 502, "502 tunnel up, receiver down", "receiver behind it did not answer (502)", "hookctl start", true},
		{"Invalid HTTP Response: 503", 503, "503 receiver busy", "too busy", "hookctl start", true},
		{"Invalid HTTP Response: 504", 504, "504 receiver too slow", "in time (504)", "hookctl start", true},
		{"Invalid HTTP Response: 507", 507, "507 the receiver's disk is full", "disk is full", "hookctl events prune", false},
		{"Invalid HTTP Response: 530", 530, "530 the tunnel is down", "(530)", "tunnel", true},
		{"something\x07 new", 0, "not reached: something new", "nothing answered: something new", "hookctl start", true},
		{"", 0, "not reached", "nothing answered", "hookctl start", true},
	} {
		a := Explain(tt.code, tt.status)
		if !strings.HasPrefix(a.State, tt.state) || !strings.Contains(a.Text, tt.text) || !strings.Contains(a.Cure, tt.cure) || a.Passing != tt.passing {
			t.Errorf("%q (%d): %+v, want %+v", tt.status, tt.code, a, tt)
		}
		if strings.Contains(a.State+a.Text, "\x07") {
			t.Errorf("%+v is not clean", a)
		}
	}
}
