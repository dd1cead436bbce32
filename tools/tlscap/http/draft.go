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

// drafts are rooms that nobody uses, of all connections together.
type drafts struct {
	free     []*draft
	requests []*request
}

// Bounds of what is kept for later.
const (
	maxSpare     = 16
	maxSpareRoom = 64 << 10 // bytes of a head or a body
	maxSpareText = 4 << 10  // bytes of a request
)

func (d *drafts) take() *draft {
	if n := len(d.free); n > 0 {
		out := d.free[n-1]
		d.free = d.free[:n-1]
		return out
	}
	return new(draft)
}

// give takes back the room of a message that was emitted. body is what its body was collected in.
func (d *drafts) give(old *draft, body []byte) {
	if body == nil {
		body = old.body
	}
	if len(d.free) == maxSpare || cap(old.head) > maxSpareRoom || cap(body) > maxSpareRoom {
		return
	}
	*old = draft{head: old.head[:0], fields: old.fields[:0], body: body[:0]}
	d.free = append(d.free, old)
}

func (d *drafts) takeRequest() *request {
	if n := len(d.requests); n > 0 {
		out := d.requests[n-1]
		d.requests = d.requests[:n-1]
		return out
	}
	return new(request)
}

// giveRequest takes back a request whose response was emitted.
func (d *drafts) giveRequest(old *request) {
	if len(d.requests) < maxSpare && cap(old.text) <= maxSpareText {
		*old = request{text: old.text[:0]}
		d.requests = append(d.requests, old)
	}
}

// copy appends to the request's own text, since the head it is from is overwritten by another.
func (r *request) copy(b []byte) []byte {
	start := len(r.text)
	r.text = append(r.text, b...)
	return r.text[start:len(r.text):len(r.text)]
}
