package http

import (
	"encoding/binary"
)

// h2half is one direction of HTTP/2.
type h2half struct {
	table  table
	joined bool // the beginning of this direction was not seen

	// The payload of DATA is taken as it comes, and other payloads that are too long are passed over.
	left   int // bytes to come, padding not included
	pad    int // bytes of padding behind them
	data   frame
	inData bool

	// A header block, while it is continued.
	block   []byte
	opening frame  // the frame that began it
	promise uint32 // the stream that PUSH_PROMISE announces
	inBlock bool
	started int64
}

// drop forgets what was in progress, and keeps the table.
func (s *h2half) drop() {
	*s = h2half{table: s.table, joined: s.joined}
}

// h2parse consumes a frame, or some of a long one.
func (h *half) h2parse(data []byte) int {
	s := &h.h2
	if s.inData {
		return h.h2payload(data)
	}
	if len(data) < frameHeader {
		return 0
	}
	f := parseFrameHeader(data)
	if !f.valid() || s.inBlock && (f.kind != frameContinuation || f.stream != s.opening.stream) {
		return h.h2broken(data)
	}
	h.c.seen = max(h.c.seen, f.stream)
	if f.kind == frameData {
		return h.h2data(f, data)
	}
	if f.length > h.c.limits.Head || f.kind > frameContinuation {
		if f.kind == frameHeaders || f.kind == framePush || f.kind == frameContinuation {
			h.h2spoilt("head is too long", f)
		}
		s.inData, s.data, s.left = true, f, f.length
		return frameHeader
	}
	if f.length > len(data)-frameHeader {
		return 0
	}
	h.h2frame(f, data[frameHeader:][:f.length])
	return frameHeader + f.length
}

// h2data begins the payload of a DATA frame.
func (h *half) h2data(f frame, data []byte) int {
	s, used := &h.h2, frameHeader
	s.left, s.pad = f.length, 0
	if f.has(flagPadded) {
		if f.length == 0 {
			return h.h2broken(data)
		}
		if len(data) <= frameHeader {
			return 0
		}
		s.pad = int(data[frameHeader])
		used++
		if s.left = f.length - 1 - s.pad; s.left < 0 {
			return h.h2broken(data)
		}
	}
	s.data, s.inData = f, true
	if s.left+s.pad == 0 {
		h.h2dataEnd()
	}
	return used
}

// h2payload takes what has come of a payload.
func (h *half) h2payload(data []byte) int {
	s := &h.h2
	n := min(len(data), s.left)
	if n > 0 && s.data.kind == frameData {
		h.body(s.data.stream, data[:n])
	}
	s.left -= n
	pad := min(len(data)-n, s.pad)
	s.pad -= pad
	if s.left+s.pad == 0 {
		h.h2dataEnd()
	}
	return n + pad
}

func (h *half) h2dataEnd() {
	f := h.h2.data
	h.h2.inData = false
	if f.kind == frameData && f.has(flagEndStream) {
		h.endStream(f.stream)
	}
}

// h2frame takes a whole frame.
func (h *half) h2frame(f frame, payload []byte) {
	switch f.kind {
	case frameHeaders:
		if content, ok := f.content(payload); ok {
			h.h2block(f, 0, content)
		} else {
			h.h2spoilt("malformed header block", f)
		}
	case framePush:
		content, ok := f.content(payload)
		if !ok || len(content) < 4 {
			h.h2spoilt("malformed header block", f)
			return
		}
		h.c.orient(h.dir.other())
		h.h2block(f, binary.BigEndian.Uint32(content)&^(1<<31), content[4:])
	case frameContinuation:
		if !h.h2.inBlock { // joined in the middle of a block
			h.h2.table.forget()
			return
		}
		h.h2continue(payload, f.has(flagEndHeaders))
	case frameSettings:
		for p := payload; len(p) >= 6; p = p[6:] {
			if binary.BigEndian.Uint16(p) == settingTableSize && !f.has(flagAck) {
				h.c.halves[h.dir.other()].h2.table.grow(uint64(binary.BigEndian.Uint32(p[2:])))
			}
		}
	case frameReset:
		h.reset(f.stream, binary.BigEndian.Uint32(payload))
	case frameGoAway:
		h.goAway(payload)
	}
}

// h2block begins a header block.
func (h *half) h2block(f frame, promise uint32, content []byte) {
	s := &h.h2
	s.opening, s.promise, s.inBlock, s.started, s.block = f, promise, true, h.at, nil
	h.h2continue(content, f.has(flagEndHeaders))
}

func (h *half) h2continue(content []byte, end bool) {
	s := &h.h2
	if len(s.block)+len(content) > h.c.limits.Head || !h.c.room(len(content)) {
		h.h2spoilt("head is too long", s.opening)
		return
	}
	s.block = append(s.block, content...)
	if !end {
		return
	}
	if h.begunLate() {
		s.table.grow(maxTable)
	}
	before := s.table.size
	fields, err := s.table.decode(s.block, 2*h.c.limits.Head)
	if err == errHPACK {
		s.table.forget()
	}
	h.c.memory += s.table.size - before
	h.h2dropBlock()
	why := ""
	if err != nil {
		why = err.Error()
	}
	if s.opening.kind == framePush {
		h.promised(s.promise, fields, why)
		return
	}
	h.head(s.opening.stream, fields, why)
	if s.opening.has(flagEndStream) {
		h.endStream(s.opening.stream)
	}
}

func (h *half) begunLate() bool { return h.h2.joined }

func (h *half) h2dropBlock() {
	h.c.free(len(h.h2.block))
	h.h2.block, h.h2.inBlock = nil, false
}

// h2spoilt ends the message whose header block is not to be had. The fields that the block added to the table are
// missed, and so those that were there before have moved.
func (h *half) h2spoilt(why string, f frame) {
	h.h2dropBlock()
	before := h.h2.table.size
	h.h2.table.forget()
	h.c.memory -= before
	if f.kind == frameHeaders || f.kind == frameContinuation {
		h.head(f.stream, nil, why)
	}
}

// h2broken passes on what is no frame, and looks for the next one.
func (h *half) h2broken(data []byte) int {
	h.h2lose("not in step with the frames")
	h.synced = false
	h.raw(data, 0, "")
	return len(data)
}

// h2lose gives up the frame in progress. What comes next is not known, and neither is the table.
func (h *half) h2lose(why string) {
	s := &h.h2
	if s.inBlock {
		h.h2dropBlock()
	}
	h.c.memory -= s.table.size
	s.table.forget()
	s.joined = true
	h.spoilStreams(why)
	s.drop()
}

// h2gap counts missing bytes within the payload of DATA, and returns how many are left.
func (h *half) h2gap(n uint64) uint64 {
	s := &h.h2
	if !s.inData {
		return n
	}
	took := int(min(n, uint64(s.left)))
	if s.data.kind == frameData {
		h.bodyGap(s.data.stream, uint64(took))
	}
	s.left -= took
	pad := int(min(n-uint64(took), uint64(s.pad)))
	s.pad -= pad
	if s.left+s.pad == 0 {
		h.h2dataEnd()
	}
	return n - uint64(took) - uint64(pad)
}

func (h *half) goAway(payload []byte) {
	m := &Message{Kind: KindGoAway, Dir: h.dir, Start: h.at, Version: "HTTP/2", Latency: -1}
	m.Stream = binary.BigEndian.Uint32(payload) &^ (1 << 31)
	m.Error = errorName(binary.BigEndian.Uint32(payload[4:]))
	m.Body = append(m.Body, payload[8:]...)
	m.BodyBytes = uint64(len(m.Body))
	h.c.send(m)
}
