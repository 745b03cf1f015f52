package logs

import (
	"encoding/binary"
	"hash/crc32"
)

// A segment of the spool is a header and frames, all aligned to eight bytes.
//
//	segment header: magic 8 · order 8 · salt 8 · size of the segment 4 · CRC-32C of these 4
//	frame:          magic 4 · length 4 · salt 8 · CRC-32C of the body 4 · CRC-32C of these 4 · body, zero to 8
//
// Segments are used again, so old frames stand behind the new ones. The salt,
// drawn for every use, distinguishes them, and nobody outside can forge a
// frame inside a payload.
const (
	segmentHeader = 32
	segmentMagic  = 0x0032_6c74_636b_6f68 // "hokctl2"
	segmentMagic1 = 0x0031_6c74_636b_6f68 // of earlier versions: it has no size, and its CRC stands in the place of that
	frameHeader   = 24
	frameMagic    = 0x6d72_666b // "kfrm"
)

// crcTable is CRC-32C's, for which processors have an instruction.
func crcTable() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// Kinds of frames.
const (
	frameRecord  byte = 'R' // the content of a record file
	frameOutcome byte = 'N' // the notifications of a record, as JSON
	frameSync    byte = 'S' // the sync of a record, as JSON
	frameFiled   byte = 'F' // of the ledger: see note
)

// newFrame lays out a frame; sealFrame completes it once its segment is known.
func newFrame(kind byte, name string, data []byte) []byte {
	return endFrame(append(beginFrame(kind, name, len(data)), data...))
}

// beginFrame is a frame up to its data, with room for so many bytes of it. The body is kind, length of the name, name,
// data.
func beginFrame(kind byte, name string, room int) []byte {
	b := make([]byte, frameHeader, align(frameHeader+3+len(name)+room))
	b = append(b, kind, byte(len(name)), byte(len(name)>>8)) //nolint:gosec // a file name has at most 255 bytes
	return append(b, name...)
}

// endFrame completes a frame whose data has been appended.
func endFrame(b []byte) []byte {
	body := len(b) - frameHeader
	binary.LittleEndian.PutUint32(b[0:], frameMagic)
	binary.LittleEndian.PutUint32(b[4:], uint32(body)) //nolint:gosec // a payload is at most 64 MiB, the bound of an answer of GitHub
	binary.LittleEndian.PutUint32(b[16:], crc32.Checksum(b[frameHeader:], crcTable()))
	return append(b, make([]byte, align(len(b))-len(b))...)
}

// recordFrame encodes a record into a frame. data is the record's part of it, so that both share their memory.
func recordFrame(name string, r *Record) (frame, data []byte, err error) {
	b := beginFrame(frameRecord, name, r.room())
	begin := len(b)
	if b, err = r.appendTo(b); err != nil {
		return nil, nil, err
	}
	end := len(b)
	b = endFrame(b)
	return b, b[begin:end:end], nil
}

// sealFrame writes the salt of the segment into the frame.
func sealFrame(frame []byte, salt uint64) {
	binary.LittleEndian.PutUint64(frame[8:], salt)
	binary.LittleEndian.PutUint32(frame[20:], crc32.Checksum(frame[:20], crcTable()))
}

// frame is one that was read; its slices point into the segment.
type frame struct {
	off  int64
	size int // in the segment
	kind byte
	name string
	data []byte
}

// openBody takes the body of a frame apart.
func openBody(body []byte) (kind byte, name, data []byte, ok bool) {
	if len(body) < 3 {
		return 0, nil, nil, false
	}
	n := int(body[1]) | int(body[2])<<8
	if len(body) < 3+n {
		return 0, nil, nil, false
	}
	return body[0], body[3 : 3+n], body[3+n:], true
}

// frameAt reads the frame at an offset. headOK says that the header is
// whole, so that next is where the next frame begins even if the body is not.
func frameAt(seg []byte, off int64, salt uint64) (body []byte, next int64, headOK, bodyOK bool) {
	size, ok := frameHead(seg[min(off, int64(len(seg))):], salt)
	if !ok {
		return nil, 0, false, false
	}
	end := off + frameHeader + int64(size)
	if end > int64(len(seg)) {
		return nil, int64(len(seg)), true, false
	}
	body = seg[off+frameHeader : end]
	return body, int64(align(int(end))), true, binary.LittleEndian.Uint32(seg[off+16:]) == crc32.Checksum(body, crcTable())
}

// frameHead reads the header at the beginning of a frame and returns how long its body is.
func frameHead(b []byte, salt uint64) (size int, ok bool) {
	if len(b) < frameHeader || binary.LittleEndian.Uint32(b) != frameMagic || binary.LittleEndian.Uint64(b[8:]) != salt ||
		binary.LittleEndian.Uint32(b[20:]) != crc32.Checksum(b[:20], crcTable()) {
		return 0, false
	}
	return int(binary.LittleEndian.Uint32(b[4:])), true
}

// scanFrames returns the whole frames of a segment from an offset on in order, and by offset those that were written and cannot be read. A
// frame at the very end may be one that a crash cut short before anyone heard that it is durable; it looks the same as
// one that was damaged later, so it is among them.
func scanFrames(seg []byte, from int64, salt uint64) (frames []frame, damaged []int64) {
	var broken []int64 // offsets; -1 ends one whose length is unknown
	for off := from; off+frameHeader <= int64(len(seg)); {
		body, next, headOK, bodyOK := frameAt(seg, off, salt)
		if !headOK {
			if len(broken) == 0 || broken[len(broken)-1] != -1 {
				broken = append(broken, off, -1)
			}
			off += 8
			continue
		}
		if n := len(broken); n > 0 && broken[n-1] == -1 {
			broken = broken[:n-1]
		}
		kind, name, data, ok := openBody(body)
		if !bodyOK || !ok {
			broken = append(broken, off)
		} else {
			damaged, broken = append(damaged, broken...), nil
			frames = append(frames, frame{off: off, size: int(next - off), kind: kind, name: string(name), data: data})
		}
		off = next
	}
	// Behind the last whole frame most of what is no frame was never one: zeros, or what an earlier use of the segment left.
	for _, off := range broken {
		if off >= 0 && wasFrame(seg[off:], salt) {
			damaged = append(damaged, off)
		}
	}
	return frames, damaged
}

// wasFrame says whether bytes look like the header of a frame of this use of the segment, of which some are damaged. Two
// thirds of what is the same in all of them must be there, most of it the salt, which nobody outside knows.
func wasFrame(b []byte, salt uint64) bool {
	var want [16]byte
	binary.LittleEndian.PutUint32(want[0:], frameMagic)
	binary.LittleEndian.PutUint64(want[8:], salt)
	same := 0
	for i := range min(len(b), len(want)) {
		if (i < 4 || i >= 8) && b[i] == want[i] {
			same++
		}
	}
	return same >= 8
}

// putSegmentHeader begins a use of a segment; order 0 marks it as free.
func putSegmentHeader(order, salt uint64, size int64) []byte {
	h := make([]byte, segmentHeader)
	binary.LittleEndian.PutUint64(h[0:], segmentMagic)
	binary.LittleEndian.PutUint64(h[8:], order)
	binary.LittleEndian.PutUint64(h[16:], salt)
	binary.LittleEndian.PutUint32(h[24:], uint32(size)) //nolint:gosec // a segment holds one payload of 64 MiB, or less
	binary.LittleEndian.PutUint32(h[28:], crc32.Checksum(h[:28], crcTable()))
	return h
}

// readSegmentHeader reads what putSegmentHeader wrote, or an earlier version, which gives size 0.
func readSegmentHeader(seg []byte) (order, salt uint64, size int64, ok bool) {
	if len(seg) < segmentHeader {
		return 0, 0, 0, false
	}
	sum := func(n int) bool { return binary.LittleEndian.Uint32(seg[n:]) == crc32.Checksum(seg[:n], crcTable()) }
	switch magic := binary.LittleEndian.Uint64(seg); {
	case magic == segmentMagic && sum(28):
		size = int64(binary.LittleEndian.Uint32(seg[24:]))
	case magic == segmentMagic1 && sum(24):
	default:
		return 0, 0, 0, false
	}
	return binary.LittleEndian.Uint64(seg[8:]), binary.LittleEndian.Uint64(seg[16:]), size, true
}

// findSalt looks for any whole frame in a segment whose header is damaged.
func findSalt(seg []byte, from int64) (uint64, bool) {
	for off := from; off+frameHeader <= int64(len(seg)); off += 8 {
		if binary.LittleEndian.Uint32(seg[off:]) != frameMagic {
			continue
		}
		salt := binary.LittleEndian.Uint64(seg[off+8:])
		if _, _, _, ok := frameAt(seg, off, salt); ok {
			return salt, true
		}
	}
	return 0, false
}

func align(n int) int { return (n + 7) &^ 7 }
