package kit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hookctl/logs/text"
)

// Age is a span of time in the unit that says most.
func Age(d time.Duration) string {
	switch {
	case d < 0:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// Ago says how long ago something was.
func Ago(d time.Duration) string {
	if d < 0 {
		return "just now"
	}
	return Age(d) + " ago"
}

// Clock is a time of today as hours, of another day with its date.
func Clock(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04:05")
	}
	return at.Format("Jan 02 15:04")
}

// ShortTime fits nine columns.
func ShortTime(at, now time.Time) string { return TimeIn(at, now, 9) }

// TimeIn fits w columns, nine or five: the time of today, the day before that.
func TimeIn(at, now time.Time, w int) string {
	if at.IsZero() || w == 0 {
		return ""
	}
	at, now = at.Local(), now.Local()
	long, short := "06-01-02", "01-02"
	switch {
	case at.YearDay() == now.YearDay() && at.Year() == now.Year():
		long, short = "15:04:05", "15:04"
	case now.Sub(at) < 7*24*time.Hour:
		long, short = "Mon 15:04", "Mon"
	case at.Year() == now.Year():
		long = "Jan 02"
	}
	if w < 8 {
		return at.Format(short)
	}
	return at.Format(long)
}

// Are is a number with its noun and verb.
func Are(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return text.Count(n, noun) + " are"
}

// Some names the first n of many.
func Some(names []string, n int) string {
	if len(names) <= n+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}

// SortedKeys are the keys of a map in their order.
func SortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Many is how many lines a person sees at a glance.
const Many = 9
