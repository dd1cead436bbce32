package http

import (
	"encoding/binary"
	"fmt"
)

// grpc finds the messages in the body of a gRPC call: each has a byte that says whether it is compressed, and four with
// its length, before it.
type grpc struct {
	encoding []byte // of those that are compressed
	prefix   []byte // so far, up to five bytes
	b        body
	left     uint32
	begun    bool // the prefix is complete
	lost     bool // where the next one begins is not known
	start    int64
	index    int
}

const grpcPrefix = 5

func newGRPC(m *Message) *grpc {
	g := &grpc{}
	g.encoding, _ = m.Get("grpc-encoding")
	return g
}

func (g *grpc) add(h *half, s *h2stream, data []byte) {
	for len(data) > 0 && !g.lost {
		if !g.begun {
			if len(g.prefix) == 0 {
				g.start = h.at
			}
			n := min(len(data), grpcPrefix-len(g.prefix))
			g.prefix = append(g.prefix, data[:n]...)
			if data = data[n:]; len(g.prefix) < grpcPrefix {
				return
			}
			if g.prefix[0] > 1 {
				g.lost = true
				return
			}
			g.begun, g.left = true, binary.BigEndian.Uint32(g.prefix[1:])
		}
		n := int(min(uint64(g.left), uint64(len(data))))
		g.b.add(h.c, data[:n])
		data, g.left = data[n:], g.left-uint32(n)
		if g.left == 0 {
			g.emit(h, s, "")
		}
	}
}

func (g *grpc) gap(h *half, s *h2stream, n uint64) {
	if !g.begun || n > uint64(g.left) {
		g.end(h, s, fmt.Sprintf("%d bytes lost", n))
		g.lost = true
		return
	}
	g.b.skip(n)
	if g.left -= uint32(n); g.left == 0 {
		g.emit(h, s, "")
	}
}

// end emits a message that stays incomplete.
func (g *grpc) end(h *half, s *h2stream, why string) {
	if g.begun && why == "" {
		why = "stream ended"
	}
	if g.begun && !g.lost {
		g.emit(h, s, why)
	}
}

func (g *grpc) emit(h *half, s *h2stream, why string) {
	m := h.newMessage(s, g.start)
	m.Kind, m.Incomplete, m.Index, m.Compressed = KindGRPC, why, g.index, g.prefix[0] == 1
	if r := s.req; r != nil {
		m.Method, m.Scheme, m.Authority, m.Path = r.method, r.scheme, r.authority, r.path
	}
	if side := s.sides[h.dir].m; side != nil {
		m.ContentType = side.ContentType
	}
	g.b.give(h.c, m)
	if m.Compressed {
		m.Encoding = g.encoding
		m.Body, m.BodyCut, m.BodyError = decodeBody(g.encoding, m.Body, m.BodyCut, h.c.limits.Body)
	}
	g.index, g.begun, g.prefix, g.b = g.index+1, false, g.prefix[:0], body{}
	h.c.send(m)
}

var grpcCodes = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// grpcStatus names the status that trailers give, or a head without body.
func grpcStatus(m *Message) string {
	value, ok := find(m.Trailers, "grpc-status")
	if !ok {
		if value, ok = m.Get("grpc-status"); !ok {
			return ""
		}
	}
	for code, name := range grpcCodes {
		if string(value) == fmt.Sprint(code) {
			return name
		}
	}
	return "unknown status"
}
