package logs

import (
	"reflect"
	"testing"
	"time"
)

// TestStatsAgreeWithTheRecords counts by the index and by hand.
func TestStatsAgreeWithTheRecords(t *testing.T) {
	dir := t.TempDir()
	generate(t, dir, 400)
	l := openLog(t, dir)
	ready(t, l)
	zone := time.FixedZone("half past", 5*3600+1800)
	for _, filter := range []string{"", "event:push", "conclusion:failure payload:login", "event:fork"} {
		f := parsed(t, filter)
		got, err := l.Stats(t.Context(), f, zone)
		if err != nil {
			t.Fatal(err)
		}
		var hours [24]int
		events, total := map[string]int{}, 0
		var first, last time.Time
		for e, err := range l.All(t.Context(), f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			total++
			events[e.Event]++
			hours[e.ReceivedAt.In(zone).Hour()]++
			if first = e.ReceivedAt; total == 1 {
				last = e.ReceivedAt
			}
		}
		sums := [3]int{}
		for i, list := range [][]Tally{got.Events, got.Repositories, got.Senders} {
			for k, tally := range list {
				sums[i] += tally.Count
				if k > 0 && tally.Count > list[k-1].Count {
					t.Errorf("%q: %v is not sorted", filter, list)
				}
				if i == 0 && events[tally.Name] != tally.Count {
					t.Errorf("%q: %d of %s, want %d", filter, tally.Count, tally.Name, events[tally.Name])
				}
			}
		}
		if got.Total != total || sums != [3]int{total, total, total} || !reflect.DeepEqual(got.Hours, hours) || !got.First.Equal(first) || !got.Last.Equal(last) {
			t.Errorf("%q: %+v; want %d, hours %v, from %s to %s", filter, got, total, hours, first, last)
		}
	}
}
