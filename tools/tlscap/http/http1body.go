package http

import (
	"bytes"
	"strconv"
)

// h1body consumes some of a body.
func (h *half) h1body(data []byte) int {
	s := &h.h1
	switch s.framing {
	case framingClose:
		h.h1add(data)
		return len(data)
	case framingLength, framingChunkData:
		if h.h1headOnly(data) {
			h.h1done()
			return h.h1parse(data)
		}
		n := int(min(uint64(len(data)), s.left))
		h.h1add(data[:n])
		h.h1took(uint64(n))
		return n
	case framingChunkSize:
		return h.h1size(data)
	case framingChunkEnd:
		if data[0] == '\r' && len(data) == 1 {
			return 0
		}
		if n := 1 + bytes.IndexByte(data[:min(len(data), 2)], '\n'); n > 0 {
			s.framing = framingChunkSize
			return n
		}
		return h.h1broken(data, "malformed chunk")
	default:
		return h.h1trailers(data)
	}
}

// h1headOnly reports whether a response whose request was not seen was that to a HEAD: where its body would begin, the
// next response does.
func (h *half) h1headOnly(data []byte) bool {
	s := &h.h1
	return s.framing == framingLength && s.b.size == 0 && s.events == nil && s.req == nil && s.m.Kind == KindResponse &&
		likeResponse(data) == isResponse
}

func (h *half) h1add(data []byte) {
	if e := h.h1.events; e != nil {
		e.add(h.c, h.at, data)
	} else {
		h.h1.b.add(h.c, data)
	}
}

func (h *half) h1skip(n uint64) {
	if e := h.h1.events; e != nil {
		e.gap(n)
	} else {
		h.h1.b.skip(n)
	}
}

// h1took goes on behind bytes of a body with a length.
func (h *half) h1took(n uint64) {
	s := &h.h1
	if s.left -= n; s.left > 0 {
		return
	}
	if s.framing == framingChunkData {
		s.framing = framingChunkEnd
		return
	}
	h.h1done()
}

// h1size reads the line before a chunk: the size in hexadecimal, and extensions that nobody uses.
func (h *half) h1size(data []byte) int {
	end := bytes.IndexByte(data[:min(len(data), maxChunkLine)], '\n')
	if end < 0 {
		if len(data) >= maxChunkLine {
			return h.h1broken(data, "malformed chunk")
		}
		return 0
	}
	digits, _ := cutByte(data[:end], ';')
	size, err := strconv.ParseUint(string(trim(bytes.TrimSuffix(digits, []byte("\r")))), 16, 63)
	if err != nil {
		return h.h1broken(data, "malformed chunk")
	}
	h.h1.left, h.h1.framing = size, framingChunkData
	if size == 0 {
		h.h1.framing, h.h1.scanned = framingTrailers, 0
	}
	return end + 1
}

// h1trailers reads the fields behind the last chunk, most often none.
func (h *half) h1trailers(data []byte) int {
	end := 0
	switch {
	case data[0] == '\n':
		end = 1
	case data[0] == '\r' && len(data) == 1:
		return 0
	case data[0] == '\r' && data[1] == '\n':
		end = 2
	default:
		if end = headEnd(data, h.h1.scanned); end < 0 {
			if len(data) > h.c.limits.Head {
				return h.h1broken(data, "trailers are too long")
			}
			h.h1.scanned = max(0, len(data)-3)
			return 0
		}
		h.h1.m.Trailers = parseFields(bytes.Clone(data[:end]), nil)
	}
	h.h1done()
	return end
}

// h1broken ends a message whose framing makes no sense, and passes on the rest of the chunk.
func (h *half) h1broken(data []byte, why string) int {
	h.h1finish(why)
	return h.h1lost(data, "")
}

// h1gap counts missing bytes where their meaning is known, and returns how many are left.
func (h *half) h1gap(n uint64) uint64 {
	s := &h.h1
	if s.m == nil {
		return n
	}
	switch s.framing {
	case framingClose:
		h.h1skip(n)
		return 0
	case framingLength, framingChunkData:
		took := min(n, s.left)
		h.h1skip(took)
		h.h1took(took)
		return n - took
	}
	return n
}
