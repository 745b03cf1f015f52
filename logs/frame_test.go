package logs

import (
	"strings"
	"testing"
)

// Salts as they are drawn.
const oldSalt, testSalt = 0x9be1_d40f_77a2_c653, 0x1f6e_20c9_b38d_5a74

// segmentOf lays out a segment with frames that hold the given texts.
func segmentOf(salt uint64, texts ...string) (seg []byte, offsets []int) {
	seg = putSegmentHeader(1, salt, 0)
	for _, text := range texts {
		f := newFrame(frameRecord, "name.json", []byte(text))
		sealFrame(f, salt)
		offsets = append(offsets, len(seg))
		seg = append(seg, f...)
	}
	return append(seg, make([]byte, 4096)...), append(offsets, len(seg))
}

func TestScanFrames(t *testing.T) {
	old, _ := segmentOf(oldSalt, "an old one", "another old one", "a third old one that is longer than the others")
	for _, tc := range []struct {
		name    string
		change  func(seg []byte, at []int) []byte
		want    string
		damaged int
	}{
		{"whole", func(seg []byte, at []int) []byte { return seg }, "one two three", 0},
		{"torn body at the end", func(seg []byte, at []int) []byte { clear(seg[at[3]-8 : at[3]]); return seg }, "one two", 1},
		{"cut off", func(seg []byte, at []int) []byte { return seg[:at[3]-8] }, "one two", 1},
		{"cut off in a header", func(seg []byte, at []int) []byte { return seg[:at[2]+10] }, "one two", 0},
		{"torn header at the end", func(seg []byte, at []int) []byte { clear(seg[at[2] : at[2]+8]); return seg }, "one two", 1},
		{"damaged body in the middle", func(seg []byte, at []int) []byte { seg[at[1]+frameHeader+12] ^= 1; return seg }, "one three", 1},
		{"damaged header in the middle", func(seg []byte, at []int) []byte { seg[at[1]+5] ^= 1; return seg }, "one three", 1},
		{"damaged length in the middle", func(seg []byte, at []int) []byte { seg[at[1]+4] ^= 0x40; return seg }, "one three", 1},
		{"damaged beginning", func(seg []byte, at []int) []byte { seg[at[0]] ^= 1; return seg }, "two three", 1},
		{"two damaged in a row", func(seg []byte, at []int) []byte { seg[at[0]+30] ^= 1; seg[at[1]+30] ^= 1; return seg }, "three", 2},
		{"old frames behind", func(seg []byte, at []int) []byte { return append(seg[:at[2]], old[segmentHeader:]...) }, "one two", 0},
		{"nothing", func(seg []byte, at []int) []byte { return make([]byte, 4096) }, "", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seg, at := segmentOf(testSalt, "one", "two", "three")
			frames, damaged := scanFrames(tc.change(seg, at), segmentHeader, testSalt)
			var got []string
			for _, f := range frames {
				got = append(got, string(f.data))
			}
			if strings.Join(got, " ") != tc.want || len(damaged) != tc.damaged {
				t.Errorf("read %q with %d damaged, want %q with %d", got, len(damaged), tc.want, tc.damaged)
			}
		})
	}
}

func TestPayloadCannotForgeAFrame(t *testing.T) {
	forged := newFrame(frameRecord, "evil.json", []byte("{}"))
	sealFrame(forged, 12345)
	seg, at := segmentOf(testSalt, strings.Repeat("x", 1)+string(forged)+strings.Repeat(string(forged), 9), "two")
	clear(seg[at[0] : at[0]+frameHeader])
	frames, _ := scanFrames(seg, segmentHeader, testSalt)
	if len(frames) != 1 || string(frames[0].data) != "two" {
		t.Errorf("read %d frames", len(frames))
	}
}

func FuzzScanFrames(f *testing.F) {
	seg, _ := segmentOf(testSalt, "one", "two", "three")
	f.Add(seg[:200], 40, byte(1))
	f.Add(seg[:100], 0, byte(0xff))
	f.Fuzz(func(t *testing.T, data []byte, at int, flip byte) {
		scanFrames(data, segmentHeader, testSalt)
		if salt, ok := findSalt(data, segmentHeader); ok {
			scanFrames(data, segmentHeader, salt)
		}
		// One damaged byte costs one frame at most, and never invents one.
		seg, _ := segmentOf(testSalt, "one", "two", "three")
		if at < segmentHeader || at >= len(seg)-4096 || flip == 0 {
			return
		}
		seg[at] ^= flip
		frames, _ := scanFrames(seg, segmentHeader, testSalt)
		if len(frames) < 2 {
			t.Fatalf("a flip of %x at %d left %d frames", flip, at, len(frames))
		}
		for _, fr := range frames {
			if s := string(fr.data); s != "one" && s != "two" && s != "three" {
				t.Fatalf("a flip made frame %q", s)
			}
		}
	})
}
