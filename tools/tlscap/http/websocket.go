package http

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
)

// wsHalf is one direction of WebSocket (RFC 6455).
type wsHalf struct {
	m    *Message // of several frames, while the last one is to come
	b    body
	head wsFrame   // of the frame in progress
	in   bool      // within its payload
	ctl  body      // of a control frame, which may come between the frames of a message
	past []byte    // the last bytes that were decompressed: the next message may refer to them
	flat io.Reader // decompresses, once it was needed
	gone bool      // past is not to be trusted
}

type wsFrame struct {
	final, masked, compressed, control bool
	op                                 byte
	mask                               [4]byte
	left, at                           uint64 // bytes to come, bytes seen
	start                              int64
}

var wsNames = map[byte]string{0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}

const (
	maxControl  = 125
	deflateDict = 32 << 10
	flateCost   = 48 << 10 // of a decompressor
)

// deflateTail ends what is compressed, as permessage-deflate leaves out the first four bytes of it.
var deflateTail = []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}

func (c *conn) startWebSocket(deflate bool) {
	c.free(streamCost * len(c.requests))
	c.proto, c.requests, c.deflate = protoWebSocket, nil, deflate
	for i := range c.halves {
		h := &c.halves[i]
		h.synced, h.ws = true, wsHalf{}
	}
}

// wsParse consumes the head of a frame, or some of its payload.
func (h *half) wsParse(data []byte) int {
	s := &h.ws
	if !s.in {
		f, n, ok := parseWS(data)
		if n == 0 && ok {
			return 0
		}
		if !ok || !f.control && f.op == 0 && s.m == nil || !f.control && f.op != 0 && s.m != nil {
			h.wsEnd("malformed frame")
			h.synced = false
			h.raw(data, 0, "")
			return len(data)
		}
		f.start = h.at
		s.head, s.in = f, true
		if !f.control && f.op != 0 {
			s.m = h.wsMessage(f)
		}
		if s.m != nil && !f.control {
			s.m.Fragments++
		}
		if f.left == 0 {
			h.wsFrameEnd()
		}
		return n
	}
	n := int(min(uint64(len(data)), s.head.left))
	b := data[:n]
	if s.head.masked {
		b = bytes.Clone(b)
		for i := range b {
			b[i] ^= s.head.mask[(s.head.at+uint64(i))&3]
		}
	}
	h.wsBody().add(h.c, b)
	h.wsTook(uint64(n))
	return n
}

func (h *half) wsBody() *body {
	if h.ws.head.control {
		return &h.ws.ctl
	}
	return &h.ws.b
}

func (h *half) wsTook(n uint64) {
	f := &h.ws.head
	f.left, f.at = f.left-n, f.at+n
	if f.left == 0 {
		h.wsFrameEnd()
	}
}

// parseWS reads the head of a frame: n is 0 if it is not all there, ok false if it is none.
func parseWS(b []byte) (f wsFrame, n int, ok bool) {
	if len(b) < 2 {
		return f, 0, true
	}
	f.final, f.compressed, f.op = b[0]&0x80 != 0, b[0]&0x40 != 0, b[0]&0xf
	f.control, f.masked = f.op&8 != 0, b[1]&0x80 != 0
	if _, known := wsNames[f.op]; !known || b[0]&0x30 != 0 {
		return f, 0, false
	}
	f.left, n = uint64(b[1]&0x7f), 2
	if f.control && (f.left > maxControl || !f.final || f.compressed) {
		return f, 0, false
	}
	extra := map[uint64]int{126: 2, 127: 8}[f.left]
	need := n + extra
	if f.masked {
		need += len(f.mask)
	}
	if len(b) < need {
		return f, 0, true
	}
	switch extra {
	case 2:
		f.left = uint64(binary.BigEndian.Uint16(b[n:]))
	case 8:
		f.left = binary.BigEndian.Uint64(b[n:])
	}
	if f.left>>63 != 0 {
		return f, 0, false
	}
	copy(f.mask[:], b[n+extra:need])
	return f, need, true
}

func (h *half) wsMessage(f wsFrame) *Message {
	return &Message{Kind: KindWebSocket, Dir: h.dir, Start: f.start, Latency: -1, Version: "HTTP/1.1", Opcode: wsNames[f.op],
		Masked: f.masked, Compressed: f.compressed}
}

// wsFrameEnd emits a control frame, or a message with its last frame.
func (h *half) wsFrameEnd() {
	s := &h.ws
	s.in = false
	if s.head.control {
		m := h.wsMessage(s.head)
		m.Fragments = 1
		s.ctl.give(h.c, m)
		h.c.send(m)
		return
	}
	if s.head.final {
		h.wsFinish("")
	}
}

func (h *half) wsFinish(why string) {
	s := &h.ws
	m := s.m
	s.m = nil
	s.b.give(h.c, m)
	m.Incomplete = why
	if m.Compressed && h.c.deflate {
		h.wsInflate(m)
	}
	h.c.send(m)
}

// wsInflate undoes permessage-deflate (RFC 7692). A message may refer to those before it; one that was missed makes
// those that follow unreadable.
func (h *half) wsInflate(m *Message) {
	s := &h.ws
	m.Encoding = []byte("permessage-deflate")
	if s.gone {
		m.BodyError = "refers to bytes that were lost"
		return
	}
	cut := m.BodyCut
	in := bytes.NewReader(append(m.Body, deflateTail...))
	dict := s.past[max(0, len(s.past)-deflateDict):]
	if s.flat == nil {
		s.flat = flate.NewReaderDict(in, dict)
		h.c.memory += flateCost
	} else if err := s.flat.(flate.Resetter).Reset(in, dict); err != nil {
		s.gone, m.BodyError = true, "inflate: "+err.Error()
		return
	}
	limit := h.c.limits.Body
	out, err := io.ReadAll(io.LimitReader(s.flat, int64(limit)+1))
	if len(out) > limit {
		out, cut, err = out[:limit], true, nil
	}
	if err != nil && (!cut || !errors.Is(err, io.ErrUnexpectedEOF)) {
		m.BodyError = "inflate: " + err.Error()
		cut = true
	}
	m.Body, m.BodyCut = out, cut
	if s.gone = cut || m.Incomplete != ""; s.gone {
		h.c.free(len(s.past))
		s.past = nil
		return
	}
	before := len(s.past)
	s.past = append(s.past, out[max(0, len(out)-deflateDict):]...)
	if len(s.past) > 3*deflateDict { // not with every message
		s.past = append(s.past[:0], s.past[len(s.past)-deflateDict:]...)
	}
	h.c.memory += len(s.past) - before
}

// wsEnd emits what is in progress as incomplete.
func (h *half) wsEnd(why string) {
	s := &h.ws
	if s.in && s.head.control {
		m := h.wsMessage(s.head)
		m.Incomplete, m.Fragments = why, 1
		s.ctl.give(h.c, m)
		h.c.send(m)
	}
	s.in = false
	if s.m != nil {
		h.wsFinish(why)
	}
	s.gone = true
}

// wsGap counts missing bytes within a frame, and returns how many are left.
func (h *half) wsGap(n uint64) uint64 {
	if !h.ws.in {
		return n
	}
	took := min(n, h.ws.head.left)
	h.wsBody().skip(took)
	h.wsTook(took)
	return n - took
}
