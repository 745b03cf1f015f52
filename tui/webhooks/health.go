package webhooks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// Levels of a hook's health, worst last.
const (
	healthNone = iota // nothing is known yet
	healthGood
	healthWarn
	healthBad
)

// hookKey names a hook at GitHub.
type hookKey struct {
	target hooks.Target
	id     int64
}

// seen is what the log knows of a hook: the secret of its newest verified
// delivery, and when that came.
type seen struct {
	fingerprint string
	at          time.Time
}

// hookRow is a hook as the page shows it.
type hookRow struct {
	hooks.Hook
	mine   bool   // it delivers to this receiver
	level  int    // its health
	health string // the same in words
	notes  []note
	seen   seen
}

func (r hookRow) key() hookKey { return hookKey{r.Target, r.ID} }

// judge says of every hook whether it is ours and how it is. public is the
// address of this receiver, "" where that is not known.
func judge(list []hooks.Hook, public string, known map[int64]seen) []hookRow {
	rows := make([]hookRow, 0, len(list))
	beside := map[hooks.Target][]hooks.Hook{}
	for _, h := range list {
		beside[h.Target] = append(beside[h.Target], h)
	}
	for _, h := range list {
		h.URL, h.LastResponse.Message, h.LastResponse.Status = text.Clean(h.URL), text.Clean(h.LastResponse.Message), text.Clean(h.LastResponse.Status)
		events := make([]string, len(h.Events))
		for k, e := range h.Events {
			events[k] = text.Clean(e)
		}
		h.Events = events
		was, delivered := known[h.ID]
		r := hookRow{Hook: h, seen: was}
		r.mine = delivered || hooks.SameReceiver(h.URL, public)
		r.level, r.health = healthOf(h)
		r.notes = notesOf(h, beside[h.Target], public, r.mine)
		if r.level < healthWarn && len(r.notes) > 0 && r.mine {
			r.level = healthWarn
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b hookRow) int {
		if a.mine != b.mine {
			if a.mine {
				return -1
			}
			return 1
		}
		if c := compareTargets(a.Target, b.Target); c != 0 {
			return c
		}
		return int(max(-1, min(1, a.ID-b.ID)))
	})
	return rows
}

// healthOf puts GitHub's last_response into words.
func healthOf(h hooks.Hook) (int, string) {
	last := h.LastResponse
	switch {
	case h.Name == "cli":
		return healthWarn, "left over from a relay"
	case !h.Active:
		return healthWarn, "paused"
	case last.Code == 0 && last.Message == "" && (last.Status == "" || last.Status == "unused"):
		return healthNone, "no delivery yet"
	case last.Code >= 200 && last.Code < 300:
		return healthGood, "delivers"
	}
	return healthBad, answerInWords(last.Code, last.Message)
}

// lastAnswer is what GitHub got as an answer to the newest delivery.
func lastAnswer(h hooks.Hook) string {
	last := h.LastResponse
	switch {
	case last.Code == 0 && last.Message == "" && (last.Status == "" || last.Status == "unused"):
		return "none yet"
	case last.Code >= 200 && last.Code < 300:
		return strings.TrimSpace(fmt.Sprintf("%d %s", last.Code, last.Message))
	case last.Message != "" && last.Code != 0:
		return answerInWords(last.Code, "") + ": " + last.Message
	}
	return answerInWords(last.Code, last.Message)
}

// answerInWords says what an answer to GitHub means for a person.
func answerInWords(code int, message string) string {
	words := map[int]string{
		400: "not understood by the receiver",
		401: "signed with another secret",
		403: "forbidden on the way",
		404: "wrong path in the URL",
		405: "wrong path in the URL",
		413: "too large for the way",
		415: "wrong content type",
		429: "too many at once",
		502: "tunnel up, receiver down",
		503: "receiver busy",
		504: "receiver too slow",
		507: "the receiver's disk is full",
		530: "the tunnel is down",
	}[code]
	switch {
	case code == 0 && message != "":
		return "not reached: " + message
	case code == 0:
		return "not reached"
	case words == "" && code >= 500:
		words = "the receiver failed"
	case words == "":
		words = "not accepted"
	}
	return fmt.Sprintf("%d %s", code, words)
}

// note says what is odd about a hook, and what does something about it: a key
// of the page, and a word in line mode.
type note struct{ text, key, word, does string }

// pressed is the note for someone who presses keys.
func (n note) pressed() string {
	if n.key == "" {
		return n.text
	}
	return n.text + "; " + n.key + " " + n.does
}

// notesOf says what is odd about a hook, among those of its target, each with
// what to do about it.
func notesOf(h hooks.Hook, beside []hooks.Hook, public string, mine bool) []note {
	var notes []note
	if h.Name == "cli" {
		return []note{{"a relay left this hook behind", "D", "delete", "deletes it"}}
	}
	if !mine {
		if public != "" {
			return []note{{text: "it delivers to another receiver, not to " + public}}
		}
		return []note{{text: "nothing of it arrived here, so it may belong to another receiver"}}
	}
	if !h.Active {
		notes = append(notes, note{"it is paused, and GitHub sends nothing", "A", "resume", "resumes it"})
	}
	for _, other := range beside {
		if other.ID != h.ID && other.Name != "cli" && hooks.SameURL(other.URL, h.URL) {
			notes = append(notes, note{fmt.Sprintf("hook %d delivers to the same URL, so events come twice", other.ID), "D", "delete", "deletes one"})
			break
		}
	}
	if !h.HasSecret {
		notes = append(notes, note{"it has no secret, so the receiver refuses what it sends", "r", "rotate", "gives it one"})
	}
	if h.ContentType != "" && h.ContentType != "json" {
		notes = append(notes, note{text: "it sends forms, not JSON"})
	}
	if h.InsecureSSL {
		notes = append(notes, note{text: "GitHub does not check the certificate of its URL"})
	}
	if strings.HasPrefix(strings.ToLower(h.URL), "http://") {
		notes = append(notes, note{text: "its URL is not encrypted"})
	}
	if len(h.Events) == 0 {
		notes = append(notes, note{"it is subscribed to nothing", "m", "edit", "chooses events"})
	}
	return notes
}
