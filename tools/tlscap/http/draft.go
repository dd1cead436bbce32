package http

// draft is a message of HTTP/1 in progress, and the room that it takes. Rooms are used again: most of what
// a busy server says consists of small messages, and making room for each cost more than reading it.
type draft struct {
	Message
	head   []byte   // as it was sent; fields are parts of it
	fields []Header // room for Message.Headers
	body   []byte   // room for the body
}

// cost is what a message takes whose head is there and whose body is not.
func (d *draft) cost() int { return cap(d.head) + cap(d.body) + fieldCost*cap(d.fields) }

// copy appends to the request's own text, since the head it is from is overwritten by another.
func (r *request) copy(b []byte) []byte {
	start := len(r.text)
	r.text = append(r.text, b...)
	return r.text[start:len(r.text):len(r.text)]
}

// drafts are rooms that nobody uses, of all connections together.
type drafts struct {
	messages spares[draft]
	requests spares[request]
}

// Bounds of what is kept for later.
const (
	maxSpare     = 16
	maxSpareRoom = 64 << 10 // bytes of a head or a body
	maxSpareText = 4 << 10  // bytes of a request
)

// give takes back the room of a message that was emitted. body is what its body was collected in, nil if it had none.
func (d *drafts) give(old *draft, body []byte) {
	if body == nil {
		body = old.body
	}
	if cap(old.head) <= maxSpareRoom && cap(body) <= maxSpareRoom {
		*old = draft{head: old.head[:0], fields: old.fields[:0], body: body[:0]}
		d.messages.give(old)
	}
}

// giveRequest takes back a request whose response was emitted.
func (d *drafts) giveRequest(old *request) {
	if cap(old.text) <= maxSpareText {
		*old = request{text: old.text[:0]}
		d.requests.give(old)
	}
}

type spares[T any] struct{ free []*T }

func (s *spares[T]) take() *T {
	n := len(s.free)
	if n == 0 {
		return new(T)
	}
	out := s.free[n-1]
	s.free = s.free[:n-1]
	return out
}

func (s *spares[T]) give(old *T) {
	if len(s.free) < maxSpare {
		s.free = append(s.free, old)
	}
}
