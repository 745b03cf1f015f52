package tasks

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"hookctl/hooks"
)

// Item is one line of sync list.
type Item struct {
	Key        string    `json:"key"`
	Kind       string    `json:"kind"` // ci_failure, blocked or merged
	Repository string    `json:"repository"`
	Issue      *int64    `json:"issue"` // null before it is created
	State      string    `json:"state"` // open, closed or suggested
	Since      time.Time `json:"since"`
	Last       time.Time `json:"last"`
	URL        string    `json:"url"`
	Title      string    `json:"title"`
	File       string    `json:"file"`  // the record that it is about last
	Error      string    `json:"error"` // what keeps failing; "" for nothing
	Hint       string    `json:"hint"`
}

// List is what is open, suggested, or was closed within 14 days: first what fails, then what is suggested, then what is open.
func (s *Sync) List() ([]Item, error) {
	l, err := s.readLedger()
	if err != nil {
		return nil, err
	}
	list := []Item{}
	now := s.now()
	for _, e := range l.Entries {
		if e.State == "closed" && now.Sub(e.Last) > closedShown && e.Error == "" {
			continue
		}
		i := Item{Key: e.Key, Kind: e.Kind, Repository: e.Repository, State: e.State, Since: e.Since, Last: e.Last, URL: e.URL, Title: e.Title, File: e.File, Error: e.Error, Hint: e.Hint}
		if e.Issue != 0 {
			i.Issue = new(e.Issue)
		}
		list = append(list, i)
	}
	slices.SortFunc(list, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.Group(), b.Group()), b.Last.Compare(a.Last), cmp.Compare(a.Key, b.Key))
	})
	return list, nil
}

// Group orders items: 0 keeps failing, 1 is suggested, 2 is open, 3 is closed.
func (i Item) Group() int {
	switch {
	case i.Error != "":
		return 0
	case i.State == "suggested":
		return 1
	case i.State == "open":
		return 2
	}
	return 3
}

// Blocked reports whether the item is a task that waits for a decision.
func (i Item) Blocked() bool { return i.Kind == kindBlocked && i.State == "open" && i.Issue != nil }

// Find is the item of a key, or of the beginning of one where no other begins so.
func (s *Sync) Find(key string) (Item, error) {
	list, err := s.List()
	if err != nil {
		return Item{}, err
	}
	var found []Item
	for _, i := range list {
		if i.Key == key {
			return i, nil
		}
		if len(key) >= 4 && len(i.Key) > len(key) && i.Key[:len(key)] == key {
			found = append(found, i)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return Item{}, hooks.WithCure(&UnknownKeyError{key}, "see the keys: hookctl sync list")
}

// UnknownKeyError says that nothing has a key.
type UnknownKeyError struct{ Key string }

// Error names the key.
func (e *UnknownKeyError) Error() string { return "nothing has the key " + line(e.Key, 80) }

// Stopped are the repositories for which sync stopped because of too many changes, and until when.
func (s *Sync) Stopped() (map[string]time.Time, error) {
	l, err := s.readLedger()
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(l.Stopped, func(_ string, until time.Time) bool { return s.now().After(until) })
	return l.Stopped, nil
}
