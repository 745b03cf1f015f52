package logs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hookctl/logs/disk"
)

// powerCutsEnv is how many states of the disk TestPowerCutsAndKills checks; "all" checks several for every step.
const powerCutsEnv = "HOOKCTL_POWER_CUTS"

// story is what a Writer did to the disk, each step with its beginning and its end, and what it promised between them.
type story struct {
	dir string

	mu    sync.Mutex
	steps []step
}

type step struct {
	event *disk.Event // that begins or ends here
	ends  bool
	acked string // a delivery that was acknowledged here
	tried string // one whose outcome is being stored from here on
	sent  string // and is durable from here on
}

func (s *story) add(p step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps = append(s.steps, p)
}

func (s *story) trace(e disk.Event) (done func()) {
	rel := func(path string) string {
		if path == "" {
			return ""
		}
		short, err := filepath.Rel(s.dir, path)
		if err != nil {
			return path
		}
		return short
	}
	e.Path, e.To, e.Data = rel(e.Path), rel(e.To), slices.Clone(e.Data)
	s.add(step{event: &e})
	return func() { s.add(step{event: &e, ends: true}) }
}

// put appends a record and stores its outcome.
func (s *story) put(w *Writer, id string) {
	r := crashRecord(id)
	if w.Append(context.Background(), r) != nil {
		return
	}
	s.add(step{acked: id})
	if len(r.Notifications) > 0 && !strings.HasPrefix(id, "open") {
		s.outcome(w, id, r.File)
	}
}

func (s *story) outcome(w *Writer, id, file string) {
	s.add(step{tried: id})
	if w.SetNotifications(context.Background(), file, crashOutcome()) == nil {
		s.add(step{sent: id})
	}
}

// modelDisk is a disk that keeps what was synced, and of the rest what it likes.
type modelDisk struct {
	names map[string]*inode // as a program sees them
	base  map[string]*inode
	ops   []*nameOp
	open  map[*disk.Event]func() // what the end of an event does
}

type inode struct{ writes []*dataOp }

type dataOp struct {
	data           []byte
	off            int64
	ended, durable bool
}

type nameOp struct {
	e              *disk.Event
	ino            *inode
	ended, durable bool
}

// isDir says whether a path is that of a directory.
func isDir(path string) bool {
	return path == "." || path == hiddenDir || filepath.Ext(path) == "" && filepath.Base(path) != "known"
}

// modelOf is the disk after the first n steps of a story that began with these files.
func modelOf(base map[string][]byte, steps []step) *modelDisk {
	m := &modelDisk{names: map[string]*inode{}, base: map[string]*inode{}, open: map[*disk.Event]func(){}}
	for path, data := range base {
		m.names[path] = &inode{writes: []*dataOp{{data: data, ended: true, durable: true}}}
		m.base[path] = m.names[path]
	}
	for _, s := range steps {
		switch {
		case s.event == nil:
		case s.ends:
			m.open[s.event]()
		default:
			m.open[s.event] = m.begin(s.event)
		}
	}
	return m
}

func (m *modelDisk) begin(e *disk.Event) (end func()) {
	ino := m.names[e.Path]
	switch {
	case e.Op == disk.OpWrite && ino != nil:
		w := &dataOp{data: e.Data, off: e.Off}
		ino.writes = append(ino.writes, w)
		return func() { w.ended = true }
	case e.Op == disk.OpSync && isDir(e.Path):
		covered := slices.DeleteFunc(slices.Clone(m.ops), func(op *nameOp) bool {
			path := op.e.Path
			if op.e.To != "" {
				path = op.e.To
			}
			return !op.ended || filepath.Dir(path) != e.Path
		})
		return func() {
			for _, op := range covered {
				op.durable = true
			}
		}
	case e.Op == disk.OpSync && ino != nil:
		covered := slices.DeleteFunc(slices.Clone(ino.writes), func(w *dataOp) bool { return !w.ended })
		return func() {
			for _, w := range covered {
				w.durable = true
			}
		}
	case e.Op == disk.OpWrite || e.Op == disk.OpSync:
		return func() {}
	}
	if e.Op == disk.OpCreate {
		ino = &inode{}
	}
	op := &nameOp{e: e, ino: ino}
	m.ops = append(m.ops, op)
	return func() {
		op.ended = true
		op.do(m.names)
	}
}

// do changes names as the operation does, also where the operations before it were lost.
func (op *nameOp) do(names map[string]*inode) {
	switch op.e.Op {
	case disk.OpCreate:
		names[op.e.Path] = op.ino
	case disk.OpRemove:
		delete(names, op.e.Path)
	case disk.OpRename:
		delete(names, op.e.Path)
		names[op.e.To] = op.ino
	case disk.OpLink:
		names[op.e.To] = op.ino
	}
}

const sector = 512

// after makes up one state that the disk may be in when it loses power now, or of a killed process that it is in.
func (m *modelDisk) after(rng *rand.Rand, killed bool) map[string][]byte {
	luck := []float64{0, 0.5, 0.5, 0.9, 1}
	names, data := luck[rng.IntN(len(luck))], luck[rng.IntN(len(luck))]
	have := func(ended, durable bool, p float64) bool { return durable || killed && ended || rng.Float64() < p }
	seen := map[string]*inode{}
	for path, ino := range m.base {
		seen[path] = ino
	}
	for _, op := range m.ops {
		if op.ino != nil && have(op.ended, op.durable, names) || op.e.Op == disk.OpRemove && have(op.ended, op.durable, names) {
			op.do(seen)
		}
	}
	files := map[string][]byte{}
	for path, ino := range seen {
		var b []byte
		for _, w := range ino.writes {
			for at := 0; at < len(w.data); at += sector {
				piece := w.data[at:min(at+sector, len(w.data))]
				if !have(w.ended, w.durable, data) {
					continue
				}
				off := int(w.off) + at
				if need := off + len(piece); need > len(b) {
					b = append(b, make([]byte, need-len(b))...)
				}
				copy(b[off:], piece)
			}
		}
		files[path] = b
	}
	return files
}

// lay writes a state of the disk to a directory.
func lay(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(spoolDir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, data := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// promises are what a story has said before a step.
type promises struct{ acked, tried, sent map[string]bool }

func promised(steps []step) promises {
	p := promises{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, s := range steps {
		for to, id := range map[*map[string]bool]string{&p.acked: s.acked, &p.tried: s.tried, &p.sent: s.sent} {
			if id != "" {
				(*to)[id] = true
			}
		}
	}
	return p
}

// hold checks that a Writer keeps the promises of an earlier one on what is left of its disk.
func (p promises) hold(t *testing.T, dir string) {
	t.Helper()
	w := openWriter(t, Config{Dir: dir, segmentSize: storySegment})
	for id := range p.acked {
		var dup *DuplicateError
		if err := w.Append(t.Context(), crashRecord(id)); !errors.As(err, &dup) {
			t.Errorf("%s was acknowledged, sent again, and not known: %v", id, err)
			continue
		}
		pending, err := w.IsPending(t.Context(), dup.File)
		if want := strings.HasSuffix(id, "3") && !p.sent[id]; err != nil || pending != want && (pending || !p.tried[id]) {
			t.Errorf("%s: a notification is pending: %v, %v, want %v", id, pending, err, want)
		}
	}
	allFiled(t, w)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	checkRecords(t, dir, p.acked, p.sent)
}

const storySegment = 8 << 10

// tellStory has a Writer do everything that it does to the disk: it fills segments and one of a size of its own, makes files,
// stores outcomes before and after, forgets what it need not have any more, and starts again with what has no file yet.
func tellStory(t *testing.T) *story {
	s := &story{dir: t.TempDir()}
	var f faults
	open := func() *Writer {
		return openWriter(t, Config{Dir: s.dir, segmentSize: storySegment, fault: f.check, trace: s.trace})
	}
	many := func(w *Writer, prefix string, n int) {
		var all sync.WaitGroup
		for g := range 3 {
			all.Go(func() {
				for i := range n {
					s.put(w, fmt.Sprintf("%s-%d-%d", prefix, g, i))
				}
			})
		}
		all.Wait()
	}
	w := open()
	many(w, "a", 4)
	allFiled(t, w)
	s.put(w, "open-3")
	large := crashRecord("large")
	large.DeliveryID = strings.Repeat("large", 30) // its payload has it a hundred times
	s.put(w, large.DeliveryID)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w = open()
	f.set(times(1<<30, syscall.EROFS, onRecords(disk.OpCreate)))
	many(w, "b", 4)
	found, err := w.Log().Find(t.Context(), "open-3")
	if err != nil || len(found) != 1 {
		t.Fatalf("found %v, %v", found, err)
	}
	s.outcome(w, "open-3", found[0].File)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f.set(nil)
	w = open()
	many(w, "c", 2)
	allFiled(t, w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// A Writer is killed, or the power is cut, at every step of its work, and again while the next Writer repairs that: of what was
// not synced the disk has any part. Nothing that was acknowledged is lost, nothing is there twice, no outcome is forgotten.
// HOOKCTL_POWER_CUTS is how many states are checked; "all" checks eight of every step, which takes a quarter of an hour.
func TestPowerCutsAndKills(t *testing.T) {
	s := tellStory(t)
	states, perStep := 24, 1
	if text := os.Getenv(powerCutsEnv); text == "all" {
		perStep = 8
		states = perStep * (len(s.steps) + 1)
	} else if text != "" {
		var err error
		if states, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d steps, %d states", seed, len(s.steps), states)
	for i := range states {
		at := i / perStep
		if perStep == 1 {
			at = len(s.steps) * (i + 1) / states
		}
		t.Run(fmt.Sprintf("step-%d-%d", at, i), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			p := promised(s.steps[:at])
			files := modelOf(nil, s.steps[:at]).after(rng, i%4 == 0)
			if i%3 == 0 {
				// The next one is cut short as well.
				repair := &story{dir: lay(t, files)}
				w := openWriter(t, Config{Dir: repair.dir, segmentSize: storySegment, trace: repair.trace})
				repair.put(w, "d-3")
				allFiled(t, w)
				if err := w.Close(); err != nil {
					t.Error(err)
				}
				steps := repair.steps[:rng.IntN(len(repair.steps)+1)]
				for id := range promised(steps).acked {
					p.acked[id] = true
				}
				for id := range promised(steps).tried {
					p.tried[id] = true
				}
				for id := range promised(steps).sent {
					p.sent[id] = true
				}
				files = modelOf(files, steps).after(rng, i%2 == 0)
			}
			p.hold(t, lay(t, files))
			if t.Failed() {
				t.Logf("the disk had: %v", slices.Sorted(func(yield func(string) bool) {
					for path, data := range files {
						if !yield(fmt.Sprintf("%s (%d)", path, len(data))) {
							return
						}
					}
				}))
			}
		})
	}
}
