package main

import (
	"slices"
	"testing"

	"hookctl/cmd/hookctl/settings"
	"hookctl/hooks/tasks"
	"hookctl/server/fleet"
	"hookctl/server/route"
)

// What setup asks for changes its own sinks and leaves the others alone.
func TestNotifyKeepsOtherSinks(t *testing.T) {
	maestro := settings.Sink{Name: "main", Type: "aimaestro", URL: "http://127.0.0.1:23000", To: "mona", From: "hookctl"}
	other := settings.Sink{Type: "http", URL: "https://example.com/in"}
	chat := settings.Sink{Type: "chat", URLFrom: "TEAM_CHAT"}
	kinds := func(sinks []settings.Sink) (out []string) {
		for _, s := range sinks {
			out = append(out, s.Type+" "+s.To+s.URLFrom)
		}
		return out
	}
	for name, c := range map[string]struct {
		have []settings.Sink
		ask  fleet.Notify
		want []string
	}{
		"nobody":              {[]settings.Sink{maestro, other}, fleet.Notify{}, []string{"http "}},
		"another agent":       {[]settings.Sink{other, maestro}, fleet.Notify{Sink: maestro.URL, Agent: "helper"}, []string{"http ", "aimaestro helper"}},
		"the first agent":     {nil, fleet.Notify{Sink: maestro.URL, Agent: "helper"}, []string{"aimaestro helper"}},
		"a chat that is kept": {[]settings.Sink{chat}, fleet.Notify{Chat: true}, []string{"chat TEAM_CHAT"}},
		"a chat of its own":   {[]settings.Sink{chat}, fleet.Notify{Chat: true, ChatURL: "x"}, []string{"chat " + chatVariable}},
		"a new chat":          {[]settings.Sink{other}, fleet.Notify{Chat: true, ChatURL: "x"}, []string{"http ", "chat " + chatVariable}},
		"no chat any more":    {[]settings.Sink{chat, other}, fleet.Notify{}, []string{"http "}},
	} {
		if got := kinds(notified(c.have, c.ask)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
	if maestro.To != "mona" {
		t.Error("the settings that were read have changed")
	}
}

// What setup offers is what the settings know.
func TestSetupOffersWhatTheSettingsKnow(t *testing.T) {
	for _, c := range fleet.AlsoChoices() {
		if events := route.AlsoEvents([]string{c.Value}); !slices.Equal(events, c.Events) {
			t.Errorf("notify_also: %s needs %q, setup subscribes to %q", c.Value, events, c.Events)
		}
	}
	for _, c := range fleet.SyncChoices() {
		if !slices.Contains([]string{tasks.ModeOff, tasks.ModeSuggest, tasks.ModeAct}, c.Value) {
			t.Errorf("sync has no mode %s", c.Value)
		}
	}
}
