package server

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"hookctl/logs/text"
)

// Alarm is something that keeps the receiver from doing its work, and that a person has to see. It stands until its cause is gone.
type Alarm struct {
	Key     string    `json:"key"`               // names the cause, as storage, files, certificate or route.0
	Text    string    `json:"text"`              // what is wrong, in one line
	Hint    string    `json:"hint,omitempty"`    // the command that shows more or fixes it
	Warning bool      `json:"warning,omitempty"` // deliveries and notifications go on for now
	Since   time.Time `json:"since"`             // when it was raised
}

// The keys of the receiver's own alarms.
const (
	alarmStorage     = "storage"     // deliveries cannot be stored
	alarmDamage      = "damage"      // part of the spool could not be read back
	alarmFiles       = "files"       // record files cannot be written
	alarmIndex       = "index"       // the index cannot be made
	alarmPending     = "pending"     // pending notifications of an earlier run cannot be listed
	alarmCertificate = "certificate" // followed by a dot and a name, where there are several
	alarmRoute       = "route"       // followed by a dot and the route's index
)

// alarms are those that stand. The zero value has none.
type alarms struct {
	mu   sync.Mutex
	list []Alarm
}

// set raises an alarm, or renews the text of one that stands, and reports whether it is new. An empty text clears it.
func (a *alarms) set(now time.Time, x Alarm) (raised bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	x.Text, x.Since = text.Line(x.Text, 300), now
	i := slices.IndexFunc(a.list, func(y Alarm) bool { return y.Key == x.Key })
	switch {
	case i < 0 && x.Text != "":
		a.list = append(a.list, x)
		return true
	case i >= 0 && x.Text != "":
		x.Since = a.list[i].Since
		a.list[i] = x
	case i >= 0:
		a.list = slices.Delete(a.list, i, i+1)
	}
	return false
}

// clearIf clears those whose key is among them.
func (a *alarms) clearIf(gone func(key string) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = slices.DeleteFunc(a.list, func(x Alarm) bool { return gone(x.Key) })
}

// standing returns them: the storage's, other alarms, warnings, each the oldest first.
func (a *alarms) standing() []Alarm {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := slices.Clone(a.list)
	weight := func(x Alarm) int {
		switch {
		case x.Key == alarmStorage:
			return 0
		case !x.Warning:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(x, y Alarm) int { return weight(x) - weight(y) })
	return all
}

// SetAlarm raises an alarm of somebody who works for the receiver, such as a tunnel or the catch-up; an empty text clears it.
// The key says whose it is; hint is a command, or "".
func (s *Server) SetAlarm(key, text, hint string) { s.set(Alarm{Key: key, Text: text, Hint: hint}) }

// warn is SetAlarm for what keeps no delivery and no notification back yet.
func (s *Server) warn(key, text, hint string) {
	s.set(Alarm{Key: key, Text: text, Hint: hint, Warning: true})
}

func (s *Server) set(x Alarm) {
	if s.alarms.set(s.now(), x) {
		s.logger.Error("alarm: "+text.Line(x.Text, 300), "alarm", x.Key)
	}
}

// standingAlarms are all that stand now. What the log has to say is asked of it.
func (s *Server) standingAlarms() []Alarm {
	health := s.log.Health()
	for _, x := range []struct {
		key, text string
		stands    bool
	}{
		{alarmDamage, "deliveries may be lost: " + strings.Join(health.Damage, "; "), len(health.Damage) > 0},
		{alarmFiles, fmt.Sprint("record files cannot be written: ", health.Err), health.Err != nil},
		{alarmIndex, fmt.Sprint("the index cannot be made, so lists and the number of pending notifications may lack some: ", health.Index), health.Index != nil},
	} {
		if !x.stands {
			x.text = ""
		}
		s.alarms.set(s.now(), Alarm{Key: x.key, Text: x.text, Hint: "hookctl doctor"})
	}
	return s.alarms.standing()
}
