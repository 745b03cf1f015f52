package hooks

import (
	"cmp"
	"fmt"
	"net/http"
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
	if a, known := explainWords(strings.ToLower(status)); known {
		a.State = "not reached: " + status
		return a
	}
	a := explainCode(code, status)
	if code == 0 {
		a.State = strings.TrimSuffix("not reached: "+status, ": ")
	} else {
		a.State = fmt.Sprintf("%d %s", code, a.State)
		a.Text += fmt.Sprintf(" (%d)", code)
	}
	return a
}

// explainWords is about what did not get as far as an HTTP answer.
func explainWords(status string) (Answer, bool) {
	for _, known := range []struct {
		words  []string
		answer Answer
	}{
		{[]string{"refused"}, Answer{Text: "the connection was refused: nothing listens at the public URL", Cure: "hookctl start, and check that the tunnel or proxy leads to its port", Passing: true}},
		{[]string{"ssl", "tls", "certificate"}, Answer{Text: "GitHub does not trust the certificate of the public URL", Cure: "renew the certificate, with its whole chain"}},
		{[]string{"timed out", "timeout"}, Answer{Text: "there was no answer within 10 seconds", Cure: "see whether the tunnel or proxy is up, and hookctl status", Passing: true}},
		{[]string{"resolve", "name or service", "no such host"}, Answer{Text: "the name in the URL does not resolve", Cure: "correct the DNS entry, or give the hook another URL: hookctl setup --url https://…"}},
		{[]string{"connect"}, Answer{Text: "GitHub could not connect to the public URL", Cure: "start the tunnel or proxy again; then hookctl start", Passing: true}},
	} {
		for _, word := range known.words {
			if strings.Contains(status, word) {
				return known.answer, true
			}
		}
	}
	return Answer{}, false
}

// explainCode is about HTTP statuses. Its State and Text are without the number.
func explainCode(code int, status string) Answer {
	switch code {
	case 0:
		return Answer{Text: "nothing answered: " + cmp.Or(status, "no reason given"), Cure: "start the tunnel or proxy again; then hookctl start", Passing: true}
	case http.StatusBadRequest:
		return Answer{State: "not understood by the receiver", Text: "the receiver did not understand it", Cure: "see why: hookctl rejected"}
	case http.StatusUnauthorized:
		return Answer{State: "signed with another secret", Text: "the signature was wrong: the hook and the receiver have different secrets", Cure: "hookctl rotate"}
	case http.StatusForbidden:
		return Answer{State: "forbidden on the way", Text: "it was forbidden, by receiver.allow or by the proxy", Cure: "correct receiver.allow, or the rules of the proxy"}
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return Answer{State: "wrong path in the URL", Text: "the URL leads to no path of the receiver, which is /webhook", Cure: "hookctl setup"}
	case http.StatusRequestEntityTooLarge:
		return Answer{State: "too large for the way", Text: "the payload was refused as too large", Cure: "raise the limit of the proxy to 25 MB"}
	case http.StatusUnsupportedMediaType:
		return Answer{State: "wrong content type", Text: "the receiver does not take the content type", Cure: "hookctl setup"}
	case http.StatusTooManyRequests:
		return Answer{State: "too many at once", Text: "it was refused because of a rate limit", Cure: "raise the rate limit of the tunnel or proxy"}
	case http.StatusBadGateway:
		return Answer{State: "tunnel up, receiver down", Text: "the tunnel or proxy is up, and the receiver behind it did not answer", Cure: "hookctl start", Passing: true}
	case 530: // of Cloudflare
		return Answer{State: "the tunnel is down", Text: "the tunnel is down", Cure: "start the tunnel again", Passing: true}
	case http.StatusServiceUnavailable:
		return Answer{State: "receiver busy or down", Text: "the receiver was too busy, or the proxy found no receiver", Cure: "hookctl start", Passing: true}
	case http.StatusGatewayTimeout:
		return Answer{State: "receiver too slow", Text: "the receiver did not answer the proxy in time", Cure: "hookctl start", Passing: true}
	case http.StatusInsufficientStorage:
		return Answer{State: "the receiver's disk is full", Text: "the receiver's disk is full", Cure: "free some space: hookctl events prune"}
	}
	switch {
	case code >= 500:
		return Answer{State: "the receiver failed", Text: "the receiver failed", Cure: "see its log: hookctl status", Passing: true}
	case code >= 400:
		return Answer{State: "not accepted", Text: "it was not accepted: " + status, Cure: "see where the tunnel or proxy leads to"}
	case code >= 300:
		return Answer{State: "redirected", Text: "the URL redirects, which GitHub does not follow", Cure: "give the URL that it redirects to: hookctl setup --url https://…"}
	}
	return Answer{State: "not accepted", Text: "it was not accepted: " + status, Cure: "see where the tunnel or proxy leads to"}
}

// Hint is the text and the cure, as the hint of an error.
func (a Answer) Hint() string { return a.Text + ": " + a.Cure }
