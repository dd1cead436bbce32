package http

// Direction is seen from the traced process.
type Direction uint8

// The zero Direction is [Sent].
const (
	Sent Direction = iota
	Received
)

func (d Direction) String() string {
	if d == Received {
		return "received"
	}
	return "sent"
}

func (d Direction) other() Direction { return d ^ 1 }

// Chunk is a piece of one direction of a connection: what one call read or wrote, or a part of it.
type Chunk struct {
	Dir  Direction
	Time int64 // nanoseconds, by any clock: it is only compared and handed on
	Data []byte
	// Missing is how many bytes followed Data and were not captured: cut by a limit, or lost.
	Missing uint64
	// Broken says that bytes are missing before Data, and not how many.
	Broken bool
}

// Limits bound memory. A zero field takes its default.
type Limits struct {
	Head  int // bytes of a message's head as it was sent; 256 KiB
	Body  int // bytes of a body that are kept, and bytes that it may expand to; 1 MiB
	Conn  int // bytes kept for one connection; 8 MiB
	Total int // bytes kept for all connections; 64 MiB
	Conns int // connections; 4096
}

// Overheads of what is remembered besides bytes, so that empty connections and streams count as well.
const (
	connCost   = 1 << 10
	streamCost = 512
	fieldCost  = 64
)

// Bounds that nobody needs to choose.
const (
	maxStreams  = 512 // of a connection whose messages are not complete
	maxRequests = 512 // of a connection that wait for a response
	maxFields   = 1024
	maxTable    = 256 << 10 // bytes of an HPACK table
)

func (l Limits) withDefaults() Limits {
	set := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	set(&l.Head, 256<<10)
	set(&l.Body, 1<<20)
	set(&l.Conn, 8<<20)
	set(&l.Total, 64<<20)
	set(&l.Conns, 4096)
	return l
}

// Stats are counts since the start.
type Stats struct {
	Messages     uint64 // emitted
	Incomplete   uint64 // of these, without their end or with a gap
	EvictedConns uint64 // connections forgotten for want of room
	EvictedParts uint64 // messages given up within a connection for want of room
}
