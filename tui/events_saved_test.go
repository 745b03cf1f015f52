package tui

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"hookctl/logs"
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
func shelved(s *screen) *shelf {
	h := &shelf{filters: map[string]string{"broken builds": "conclusion:failure since:7d", "mona": "sender:mona"}}
	s.cfg.Filters, s.cfg.SaveFilter = maps.Clone(h.filters), h.save
	return h
}

func TestFilterIsSavedAppliedAndForgotten(t *testing.T) {
	s := full(t, 80, 24)
	h := shelved(s)
	s.press("2", "ctrl+s")
	s.shows("there is no filter to save")
	s.press("/")
	s.typed("event:push")
	s.press("enter")
	s.send(toastOver(s.toast.id))
	s.shows("save filter")
	s.press("ctrl+s")
	s.shows("save filter as", "a name for event:push")
	s.typed("pushes")
	s.press("enter")
	s.shows("pushes is saved", "filter pushes: event:push")
	if h.filters["pushes"] != "event:push" {
		t.Fatalf("saved are %v", h.filters)
	}
	s.send(toastOver(s.toast.id))
	s.lacks("save filter") // it is saved

	s.press("esc", "F")
	s.shows("mona: sender:mona", "pushes: event:push")
	s.typed("mona")
	s.press("enter")
	s.shows("filter mona: sender:mona")

	s.press("F")
	s.typed("pushes")
	s.press("ctrl+k")
	s.shows("Forget pushes?", "event:push")
	s.press("ctrl+k") // the key that asked does not agree
	if h.filters["pushes"] == "" {
		t.Fatal("the key that asked forgot the filter")
	}
	s.press("esc")
	s.shows("Filters") // the list is still there
	s.press("ctrl+k", "y")
	s.shows("pushes is no longer saved")
	if _, ok := h.filters["pushes"]; ok || len(s.cfg.Filters) != 2 {
		t.Errorf("saved are %v, and the interface knows %v", h.filters, s.cfg.Filters)
	}
}

// A name that is taken is asked about, with what it has and what it gets.
func TestSavedFilterIsReplacedAfterAsking(t *testing.T) {
	s := full(t, 80, 24)
	h := shelved(s)
	s.press("2", "/")
	s.typed("sender:hubot")
	s.press("ctrl+s") // straight from the line
	s.typed("mona")
	s.shows("there is one of this name already: sender:mona")
	s.press("enter")
	s.shows("Replace mona?", "It is now  sender:mona", "it becomes sender:hubot")
	s.press("esc")
	if h.filters["mona"] != "sender:mona" {
		t.Fatal("it was replaced without a yes")
	}
	s.press("ctrl+s", "up", "enter", "y") // the newest name of the list
	if h.filters["mona"] != "sender:hubot" {
		t.Fatalf("saved are %v", h.filters)
	}
	// The same once more writes nothing.
	writes := h.writes
	s.press("ctrl+s", "enter")
	s.shows("mona is saved already")
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
	s := full(t, 80, 24)
	h := shelved(s)
	s.press("2", "/")
	s.typed("event:push")
	s.press("enter", "ctrl+s")
	s.typed("a/b")
	s.shows("letters, digits, blanks and - _ . only")
	s.press("enter")
	s.shows("save filter as") // still asked
	if h.writes > 0 {
		t.Error("a bad name was saved")
	}
}

// Where the settings refuse, the interface says why and does not pretend.
func TestFilterThatCannotBeSaved(t *testing.T) {
	s := full(t, 80, 24)
	h := shelved(s)
	h.err = errors.New("hookctl.yaml is written in a way in which tui.filters cannot be set")
	s.press("2", "/")
	s.typed("event:push")
	s.press("enter", "ctrl+s")
	s.typed("pushes")
	s.press("enter")
	s.shows("tui.filters cannot be set")
	if _, ok := s.cfg.Filters["pushes"]; ok {
		t.Error("the interface believes that it is saved")
	}

	none := full(t, 80, 24)
	none.press("2", "/")
	none.typed("event:push")
	none.press("enter", "ctrl+s")
	none.shows("the settings cannot be changed here")
}

// A saved filter is known again however its blanks are written, and one that
// no longer parses hurts nothing.
func TestSavedFilterIsKnownAgain(t *testing.T) {
	s := full(t, 80, 24)
	s.cfg.Filters = map[string]string{"bad": "colour:red", "two": "event:push  repo:o/*"}
	f, err := logs.ParseFilter("event:push  repo:o/*", noon)
	if err != nil {
		t.Fatal(err)
	}
	if name := s.events().savedAs(f); name != "two" {
		t.Errorf("it is known as %q", name)
	}
	if name := s.events().savedAs(logs.Filter{}); name != "" {
		t.Errorf("no filter is known as %q", name)
	}
	s.press("2", "F", "enter")
	s.shows("colour:red")
}
