package events

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"hookctl/logs"
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

// shelf is where a test's saved filters go.
type shelf struct {
	filters map[string]string
	err     error
	writes  int
}

func (h *shelf) save(_ context.Context, name, text string) error {
	h.writes++
	if h.err != nil {
		return h.err
	}
	if h.filters[name] = text; text == "" {
		delete(h.filters, name)
	}
	return nil
}

// shelved gives a screen two saved filters.
func shelved(s *pageScreen) *shelf {
	h := &shelf{filters: map[string]string{"broken builds": "conclusion:failure since:7d", "mona": "sender:mona"}}
	s.events.cfg.Filters, s.events.cfg.SaveFilter = maps.Clone(h.filters), h.save
	return h
}

func TestFilterIsSavedAppliedAndForgotten(t *testing.T) {
	s := eventful(t, 80, 24)
	h := shelved(s)
	s.Press("2", "ctrl+s")
	s.Shows("there is no filter to save")
	s.Press("/")
	s.Typed("event:push")
	s.Press("enter")
	s.Send(kit.ToastOver(s.Toast.ID))
	s.Shows("save filter")
	s.Press("ctrl+s")
	s.Shows("save filter as", "a name for event:push")
	s.Typed("pushes")
	s.Press("enter")
	s.Shows("pushes is saved", "filter pushes: event:push")
	if h.filters["pushes"] != "event:push" {
		t.Fatalf("saved are %v", h.filters)
	}
	s.Send(kit.ToastOver(s.Toast.ID))
	s.Lacks("save filter") // it is saved

	s.Press("esc", "F")
	s.Shows("mona: sender:mona", "pushes: event:push")
	s.Typed("mona")
	s.Press("enter")
	s.Shows("filter mona: sender:mona")

	s.Press("F")
	s.Typed("pushes")
	s.Press("ctrl+k")
	s.Shows("Forget pushes?", "event:push")
	s.Press("ctrl+k") // the key that asked does not agree
	if h.filters["pushes"] == "" {
		t.Fatal("the key that asked forgot the filter")
	}
	s.Press("esc")
	s.Shows("Filters") // the list is still there
	s.Press("ctrl+k", "y")
	s.Shows("pushes is no longer saved")
	if _, ok := h.filters["pushes"]; ok || len(s.events.cfg.Filters) != 2 {
		t.Errorf("saved are %v, and the interface knows %v", h.filters, s.events.cfg.Filters)
	}
}

// A name that is taken is asked about, with what it has and what it gets.
func TestSavedFilterIsReplacedAfterAsking(t *testing.T) {
	s := eventful(t, 80, 24)
	h := shelved(s)
	s.Press("2", "/")
	s.Typed("sender:hubot")
	s.Press("ctrl+s") // straight from the line
	s.Typed("mona")
	s.Shows("there is one of this name already: sender:mona")
	s.Press("enter")
	s.Shows("Replace mona?", "It is now  sender:mona", "it becomes sender:hubot")
	s.Press("esc")
	if h.filters["mona"] != "sender:mona" {
		t.Fatal("it was replaced without a yes")
	}
	s.Press("ctrl+s", "up", "enter", "y") // the newest name of the list
	if h.filters["mona"] != "sender:hubot" {
		t.Fatalf("saved are %v", h.filters)
	}
	// The same once more writes nothing.
	writes := h.writes
	s.Press("ctrl+s", "enter")
	s.Shows("mona is saved already")
	if h.writes != writes {
		t.Error("the same was written again")
	}
}

func TestBadNamesOfFiltersAreRefused(t *testing.T) {
	for name, want := range map[string]string{
		"": "needs a name", "   ": "needs a name", "-x": "begins with", "a:b": "letters, digits", "a/b": "letters, digits",
		"a\x1b[2J": "letters, digits", "a\u202eb": "letters, digits", strings.Repeat("n", nameMost+1): "at most 40", `a"b`: "letters, digits",
	} {
		if got, _ := badName(name); !strings.Contains(got, want) {
			t.Errorf("%q: %q, not %q", name, got, want)
		}
	}
	for _, name := range []string{"a", "1", "what broke", "é-1_2.3", "नमस्ते", strings.Repeat("n", nameMost)} {
		if got, _ := badName(name); got != "" {
			t.Errorf("%q is refused: %s", name, got)
		}
	}
	s := eventful(t, 80, 24)
	h := shelved(s)
	s.Press("2", "/")
	s.Typed("event:push")
	s.Press("enter", "ctrl+s")
	s.Typed("a/b")
	s.Shows("letters, digits, blanks and - _ . only")
	s.Press("enter")
	s.Shows("save filter as") // still asked
	if h.writes > 0 {
		t.Error("a bad name was saved")
	}
}

// Where the settings refuse, the interface says why and does not pretend.
func TestFilterThatCannotBeSaved(t *testing.T) {
	s := eventful(t, 80, 24)
	h := shelved(s)
	h.err = errors.New("hookctl.yaml is written in a way in which tui.filters cannot be set")
	s.Press("2", "/")
	s.Typed("event:push")
	s.Press("enter", "ctrl+s")
	s.Typed("pushes")
	s.Press("enter")
	s.Shows("tui.filters cannot be set")
	if _, ok := s.events.cfg.Filters["pushes"]; ok {
		t.Error("the interface believes that it is saved")
	}

	none := eventful(t, 80, 24)
	none.Press("2", "/")
	none.Typed("event:push")
	none.Press("enter", "ctrl+s")
	none.Shows("the settings cannot be changed here")
}

// A saved filter is known again however its blanks are written, and one that
// no longer parses hurts nothing.
func TestSavedFilterIsKnownAgain(t *testing.T) {
	s := eventful(t, 80, 24)
	s.events.cfg.Filters = map[string]string{"bad": "colour:red", "two": "event:push  repo:o/*"}
	f, err := logs.ParseFilter("event:push  repo:o/*", kittest.Noon)
	if err != nil {
		t.Fatal(err)
	}
	if name := s.events.savedAs(f); name != "two" {
		t.Errorf("it is known as %q", name)
	}
	if name := s.events.savedAs(logs.Filter{}); name != "" {
		t.Errorf("no filter is known as %q", name)
	}
	s.Press("2", "F", "enter")
	s.Shows("colour:red")
}
