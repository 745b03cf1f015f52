package logs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

func filterOf(t *testing.T, text string) Filter {
	t.Helper()
	f, err := ParseFilter(text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func idsOf(entries []Entry) []string {
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.DeliveryID)
	}
	return ids
}

// waitFor waits with a limit that a healthy run never comes near.
func waitFor(t *testing.T, l *Log, r WaitRequest) WaitResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	result, err := l.Wait(ctx, r)
	if err != nil {
		t.Fatalf("wait: %v, got %v", err, idsOf(result.Entries))
	}
	return result
}

func TestWaitSeesWhatArrivesBeforeItsFirstLook(t *testing.T) {
	dir := t.TempDir()
	began := time.Now()
	w := openWriter(t, Config{Dir: dir})
	mustAppend(t, w, &Record{DeliveryID: "early"})
	l := openLog(t, dir)
	await(t, "the record is filed", func() bool { return len(recordFiles(t, dir)) == 1 })
	if got := idsOf(waitFor(t, l, WaitRequest{Since: began}).Entries); !slices.Equal(got, []string{"early"}) {
		t.Errorf("got %v", got)
	}
}

func TestWaitersAreAllWokenWhicheverProcessRecords(t *testing.T) {
	dir := t.TempDir()
	first := openWriter(t, Config{Dir: dir})
	mustAppend(t, first, &Record{DeliveryID: "before", EventType: "star"})
	l := openLog(t, dir)
	await(t, "the record is seen", func() bool { n, _ := l.Count(t.Context(), Filter{}); return n == 1 })
	poll, err := Open(t.Context(), Config{Dir: dir, pollInterval: 10 * time.Millisecond, newWatcher: func() (*fsnotify.Watcher, error) { return nil, syscall.EMFILE }})
	if err != nil {
		t.Fatal(err)
	}
	defer poll.Close()
	var waiters, ready sync.WaitGroup
	for i := range 6 {
		ready.Add(1)
		waiters.Go(func() {
			from := []*Log{l, poll}[i%2]
			filter := filterOf(t, "event:star")
			ready.Done()
			result := waitFor(t, from, WaitRequest{Filter: filter, Count: 2})
			if got := idsOf(result.Entries); !slices.Equal(got, []string{"one", "two"}) {
				t.Errorf("waiter %d got %v", i, got)
			}
		})
	}
	ready.Wait()
	// The waiters may not have looked yet: what is of now counts either way.
	mustAppend(t, first, &Record{DeliveryID: "other", EventType: "fork"})
	mustAppend(t, first, &Record{DeliveryID: "one", EventType: "star", ReceivedAt: time.Now().Add(time.Hour)})
	if err := first.Close(); err != nil { // the receiver restarts
		t.Fatal(err)
	}
	second := openWriter(t, Config{Dir: dir})
	mustAppend(t, second, &Record{DeliveryID: "two", EventType: "star", ReceivedAt: time.Now().Add(2 * time.Hour)})
	waiters.Wait()
}

// What was received before the wait and is seen by its first look counts as known. So the record that ends this wait came after that
// look, and the log is not looked through again: the record itself woke it.
func TestWaitIsWokenByTheRecordItself(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	l, err := Open(t.Context(), Config{Dir: dir, lookEvery: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	woken := make(chan WaitResult, 1)
	go func() {
		defer close(woken)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		result, err := l.Wait(ctx, WaitRequest{})
		if err := cmp.Or(err, ctx.Err()); err != nil { // it looks once more when the time is up
			t.Errorf("wait: %v", err)
		}
		woken <- result
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		mustAppend(t, w, &Record{DeliveryID: fmt.Sprint("old-", n), ReceivedAt: time.Now().Add(-30 * time.Second)})
		select {
		case result := <-woken:
			if len(result.Entries) != 1 {
				t.Errorf("woken for %v", idsOf(result.Entries))
			}
			return
		case <-tick.C:
		}
	}
}

func TestWaitLooksBackOldestFirst(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	for i := range 5 {
		mustAppend(t, w, &Record{DeliveryID: fmt.Sprint("id", i), ReceivedAt: time.Now().Add(time.Duration(i-5) * time.Minute)})
	}
	l := openLog(t, dir)
	await(t, "the records are seen", func() bool { n, _ := l.Count(t.Context(), Filter{}); return n == 5 })
	since := WaitRequest{Since: time.Now().Add(-3*time.Minute - 30*time.Second)}
	result := waitFor(t, l, since)
	if got := idsOf(result.Entries); !slices.Equal(got, []string{"id2"}) {
		t.Errorf("got %v", got)
	}
	// What was not returned comes next, and nothing twice.
	result = waitFor(t, l, WaitRequest{After: result.Next, Limit: 10})
	if got := idsOf(result.Entries); !slices.Equal(got, []string{"id3", "id4"}) {
		t.Errorf("then got %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result, err := l.Wait(ctx, WaitRequest{After: result.Next})
	if !errors.Is(err, context.Canceled) || len(result.Entries) > 0 {
		t.Errorf("then got %v, %v", idsOf(result.Entries), err)
	}
}

// A record that is filed after a newer one is not passed over by a wait that goes on behind that.
func TestWaitGoesOnBehindAMarkWithoutAGap(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	l := openLog(t, dir)
	now := time.Now()
	mustAppend(t, w, &Record{DeliveryID: "newer", ReceivedAt: now.Add(time.Second)})
	result := waitFor(t, l, WaitRequest{Since: now})
	text := result.Next.String()
	mark, err := ParseMark(text)
	if err != nil || mark.String() != text || text == "" {
		t.Fatalf("%q reads back as %q, %v", text, mark.String(), err)
	}
	mustAppend(t, w, &Record{DeliveryID: "late", ReceivedAt: now.Add(-time.Second)})
	result = waitFor(t, l, WaitRequest{After: mark})
	if got := idsOf(result.Entries); !slices.Equal(got, []string{"late"}) {
		t.Errorf("got %v", got)
	}
}

// However many newer ones were seen, and however old it is: what a killed receiver had acknowledged is filed by the next one.
func TestWaitPassesOverNoLateRecord(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	l := openLog(t, dir)
	now := time.Now()
	const many = 300
	for i := range many {
		mustAppend(t, w, &Record{DeliveryID: fmt.Sprint(i), ReceivedAt: now.Add(time.Duration(i) * time.Millisecond)})
	}
	var mark Mark
	for seen := 0; seen < many; {
		result := waitFor(t, l, WaitRequest{Since: now, After: mark, Limit: 100})
		seen, mark = seen+len(result.Entries), result.Next
	}
	mustAppend(t, w, &Record{DeliveryID: "late", ReceivedAt: now.Add(time.Millisecond / 2)})
	mustAppend(t, w, &Record{DeliveryID: "of long ago", ReceivedAt: now.Add(-time.Hour)})
	var got []string
	for len(got) < 2 {
		mark, _ = ParseMark(mark.String())
		result := waitFor(t, l, WaitRequest{After: mark})
		got, mark = append(got, idsOf(result.Entries)...), result.Next
	}
	if want := []string{"late", "of long ago"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A record that was seen is chosen later where its outcome is what the filter asks for.
func TestWaitSeesAnOutcome(t *testing.T) {
	w := openWriter(t, Config{Dir: t.TempDir()})
	r := mustAppend(t, w, &Record{DeliveryID: "one", Notifications: []Notification{{Type: "push", Status: StatusPending}}})
	failed := WaitRequest{Filter: filterOf(t, "status:failed")}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result, err := w.Log().Wait(ctx, failed)
	if !errors.Is(err, context.Canceled) || len(result.Entries) > 0 {
		t.Fatalf("got %v, %v", idsOf(result.Entries), err)
	}
	if err := w.SetNotifications(t.Context(), r.File, []Notification{{Type: "push", Status: StatusFailed}}); err != nil {
		t.Fatal(err)
	}
	failed.After = result.Next
	if got := idsOf(waitFor(t, w.Log(), failed).Entries); !slices.Equal(got, []string{"one"}) {
		t.Errorf("got %v", got)
	}
}

func TestWaitWithoutAReceiverAndWithATimeLimit(t *testing.T) {
	l := openLog(t, t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	result, err := l.Wait(ctx, WaitRequest{Filter: filterOf(t, "payload:x")})
	if !errors.Is(err, context.DeadlineExceeded) || len(result.Entries) != 0 || result.Next.IsZero() {
		t.Errorf("%v, %v", result, err)
	}
}

// Who gives no time asks what is new at this moment, and what was there before is not.
func TestWaitWithoutTimeTakesNothingOld(t *testing.T) {
	w := openWriter(t, Config{Dir: t.TempDir()})
	l := w.Log()
	for i, id := range []string{"first", "old"} { // the first may be found by the building of the index, the second arrives
		mustAppend(t, w, &Record{DeliveryID: id})
		await(t, "the record is seen", func() bool { n, _ := l.Count(t.Context(), Filter{}); return n == i+1 && l.rec.state().failure == nil })
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	result, _ := l.Wait(over, WaitRequest{Since: time.Now().Add(time.Second)})
	if len(result.Entries) > 0 {
		t.Fatalf("got %v", idsOf(result.Entries))
	}
	mustAppend(t, w, &Record{DeliveryID: "new"})
	if got := idsOf(waitFor(t, l, WaitRequest{After: result.Next}).Entries); !slices.Equal(got, []string{"new"}) {
		t.Errorf("got %v", got)
	}
}

func TestMarksAreBounded(t *testing.T) {
	var m Mark
	for i := range int64(10_000) {
		m.add(1000 + 3*i)
	}
	m.raise(0)
	if len(m.seen) != markKeys || !m.has(1000) || m.has(1000+3*9_999-1) || len(m.String()) > 1000 {
		t.Errorf("%d keys from %d on, as text %d bytes", len(m.seen), m.floor, len(m.String()))
	}
	for _, bad := range []string{"!", "AA==", "_____________w", "AAA", "AoCAgICAgICAgIACAQ"} {
		if m, err := ParseMark(bad); err == nil && !slices.IsSorted(m.seen) {
			t.Errorf("%q is taken for a mark: %v", bad, m)
		}
	}
	if _, err := ParseMark("not a mark"); err == nil {
		t.Error("anything is taken for a mark")
	}
}

func TestOffersStayUntilTheyAreAcknowledged(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, Config{Dir: dir})
	files := make([]string, 3)
	for i := range files {
		files[i] = mustAppend(t, w, &Record{}).File
	}
	l, other := openLog(t, dir), openLog(t, dir)
	await(t, "the records are filed", func() bool { return len(recordFiles(t, dir)) == 3 })
	next := Mark{floor: 7, seen: []int64{9}}
	open, err := l.Offer(t.Context(), "channel", next, files[0], files[1])
	if err != nil || !slices.Equal(open, files[:2]) {
		t.Fatal(open, err)
	}
	done, err := other.Acknowledge(t.Context(), files[0], files[2])
	if err != nil || len(done) != 2 || done[0].OfferedAt.IsZero() || !done[1].OfferedAt.IsZero() || done[1].AcknowledgedAt.IsZero() {
		t.Fatal(done, err)
	}
	if _, err := other.Acknowledge(t.Context(), "20260101_000000_push.json"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a record that is not there: %v", err)
	}
	if open, err = l.Offer(t.Context(), "channel", next, files...); err != nil || !slices.Equal(open, files[1:2]) {
		t.Errorf("offered again: %v, %v", open, err)
	}
	list, err := ReadOffers(Config{Dir: dir})
	if err != nil || len(list) != 1 || list[0].File != files[1] {
		t.Errorf("open: %v, %v", list, err)
	}
	if mark, err := other.ChannelMark("channel"); err != nil || mark.String() != next.String() {
		t.Errorf("the channel is at %v, %v", mark, err)
	}
}
