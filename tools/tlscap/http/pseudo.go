package http

import "strconv"

// classify reads the pseudo fields. Where they tell nothing, the direction does, and else the order.
func (h *half) classify(s *h2stream, m *Message, fields []field) {
	told := false
	for _, f := range fields {
		switch string(f.name) {
		case ":status":
			told = true
			m.Kind = KindResponse
			if n, err := strconv.ParseUint(string(f.value), 10, 16); err == nil {
				m.Status = int(n)
			}
			h.c.orient(h.dir.other())
		case ":method", ":path", ":scheme", ":authority":
			if !told && !s.pushed {
				h.c.orient(h.dir)
			}
			told = true
			m.Kind = KindRequest
			switch string(f.name) {
			case ":method":
				m.Method = f.value
			case ":path":
				m.Path = f.value
			case ":scheme":
				m.Scheme = f.value
			default:
				m.Authority = f.value
			}
		}
	}
	if !told {
		m.Kind = h.kindOf(s)
	}
	if m.Authority == nil && m.Kind == KindRequest {
		m.Authority, _ = m.Get("host")
	}
	if m.Kind == KindRequest && h.h2.joined {
		for _, p := range []*[]byte{&m.Method, &m.Scheme, &m.Authority, &m.Path} {
			if *p == nil {
				*p = unknownField.value
			}
		}
	}
}

// kindOf guesses from the direction, or from who came first.
func (h *half) kindOf(s *h2stream) Kind {
	response := s.sides[h.dir.other()].begun
	if h.c.oriented {
		response = h.c.client != h.dir
	}
	if response {
		return KindResponse
	}
	return KindRequest
}

// areTrailers tells fields that cannot be those of a head: none is a pseudo field, nor unknown and so could be one.
func areTrailers(fields []field) bool {
	for _, f := range fields {
		if string(f.name) == Unknown || len(f.name) > 0 && f.name[0] == ':' {
			return false
		}
	}
	return len(fields) > 0
}

// regular leaves out the pseudo fields, which come first: what is unknown before one of them is one as well.
func regular(fields []field) []Header {
	for i := len(fields) - 1; i >= 0; i-- {
		if len(fields[i].name) > 0 && fields[i].name[0] == ':' {
			fields = fields[i+1:]
			break
		}
	}
	out := make([]Header, 0, len(fields))
	for _, f := range fields {
		out = append(out, Header{f.name, f.value})
	}
	return out
}

func cost(fields []field) int {
	n := fieldCost * len(fields)
	for _, f := range fields {
		n += len(f.name) + len(f.value)
	}
	return n
}
