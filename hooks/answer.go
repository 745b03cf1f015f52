package hooks

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Answer says for a person what became of a delivery that was not taken. Its texts are clean for a terminal.
type Answer struct {
	State string // in a few words, for a column: "502 tunnel up, receiver down"
	Text  string // as the rest of a sentence: "the tunnel or proxy is up, and the receiver behind it did not answer (502)"
	Cure  string // what removes the cause: a command, or advice
	// Passing means that nothing of the hook or of the way to it has to change: once the receiver and its tunnel are up, the
	// next delivery arrives.
	Passing bool
}

// Explain says what an answer to a delivery means for the person who runs the receiver: the one place that knows. code is the HTTP
// status, 0 without one, and status is GitHub's word for it. GitHub's words count first: it writes 502 and 504 also
// where nothing answered at all.
func Explain(code int, status string) Answer {
	status = clean(status)
	words := strings.ToLower(status)
	for _, known := range []struct {
		words []string
		Answer
	}{
		{[]string{"refused"}, Answer{Text: "the connection was refused: nothing listens at the public URL", Cure: "hookctl start, and check that the tunnel or proxy leads to its port", Passing: true}},
		{[]string{"ssl", "tls", "certificate"}, Answer{Text: "GitHub does not trust the certificate of the public URL", Cure: "renew the certificate, with its whole chain"}},
		{[]string{"timed out", "timeout"}, Answer{Text: "there was no answer within 10 seconds", Cure: "see whether the tunnel or proxy is up, and hookctl status", Passing: true}},
		{[]string{"resolve", "name or service", "no such host"}, Answer{Text: "the name in the URL does not resolve", Cure: "correct the DNS entry, or give the hook another URL: hookctl setup --url https://…"}},
		{[]string{"connect"}, Answer{Text: "GitHub could not connect to the public URL", Cure: "start the tunnel or proxy again; then hookctl start", Passing: true}},
	} {
		if slices.ContainsFunc(known.words, func(word string) bool { return strings.Contains(words, word) }) {
			known.State = "not reached: " + status
			return known.Answer
		}
	}
	if code == 0 {
		return Answer{strings.TrimSuffix("not reached: "+status, ": "), "nothing answered: " + cmp.Or(status, "no reason given"), "start the tunnel or proxy again; then hookctl start", true}
	}
	for _, known := range []struct {
		from, to int // HTTP statuses
		Answer
	}{
		{400, 400, Answer{"not understood by the receiver", "the receiver did not understand it", "see why: hookctl rejected", false}},
		{401, 401, Answer{"signed with another secret", "the signature was wrong: the hook and the receiver have different secrets", "hookctl rotate", false}},
		{403, 403, Answer{"forbidden on the way", "it was forbidden, by receiver.allow or by the proxy", "correct receiver.allow, or the rules of the proxy", false}},
		{404, 405, Answer{"wrong path in the URL", "the URL leads to no path of the receiver, which is /webhook", "hookctl setup", false}},
		{413, 413, Answer{"too large for the way", "the payload was refused as too large", "raise the limit of the proxy to 25 MB", false}},
		{415, 415, Answer{"wrong content type", "the receiver does not take the content type", "hookctl setup", false}},
		{429, 429, Answer{"too many at once", "it was refused because of a rate limit", "raise the rate limit of the tunnel or proxy", false}},
		{502, 502, Answer{"tunnel up, receiver down", "the tunnel or proxy is up, and the receiver behind it did not answer", "hookctl start", true}},
		{503, 503, Answer{"receiver busy or down", "the receiver was too busy, or the proxy found no receiver", "hookctl start", true}},
		{504, 504, Answer{"receiver too slow", "the receiver did not answer the proxy in time", "hookctl start", true}},
		{507, 507, Answer{"the receiver's disk is full", "the receiver's disk is full", "free some space: hookctl events prune", false}},
		{530, 530, Answer{"the tunnel is down", "the tunnel is down", "start the tunnel again", true}}, // of Cloudflare
		{500, math.MaxInt, Answer{"the receiver failed", "the receiver failed", "see its log: hookctl status", true}},
		{300, 399, Answer{"redirected", "the URL redirects, which GitHub does not follow", "give the URL that it redirects to: hookctl setup --url https://…", false}},
	} {
		if code >= known.from && code <= known.to {
			known.State, known.Text = fmt.Sprintf("%d %s", code, known.State), fmt.Sprintf("%s (%d)", known.Text, code)
			return known.Answer
		}
	}
	return Answer{fmt.Sprintf("%d not accepted", code), fmt.Sprintf("it was not accepted: %s (%d)", status, code), "see where the tunnel or proxy leads to", false}
}

// Hint is the text and the cure, as the hint of an error.
func (a Answer) Hint() string { return a.Text + ": " + a.Cure }
