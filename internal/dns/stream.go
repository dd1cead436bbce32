package dns

import (
	"encoding/binary"
	"slices"
)

// Limits of what is kept of TCP. DNS by TCP is a few packets on a connection that
// ends at once.
const (
	maxStreams  = 64       // connections at a time
	maxStream   = 80 << 10 // bytes kept of one: the longest message, and what is out of order
	maxSegments = 16       // that came too early
	prefix      = 2        // bytes before each message: its length
	minMessage  = 12       // bytes of a message: its header
	bitResponse = 1 << 7   // in the third byte of a message
)

// streams puts messages together from the packets of TCP connections.
type streams struct {
	byConn map[connection]*stream
	clock  uint64 // counts packets; the connection that had none for longest goes first
}

// stream is one direction of a connection.
type stream struct {
	next  uint32 // sequence number that is expected
	buf   []byte // what is not yet a message
	early []segment
	size  int  // bytes in buf and early
	sure  bool // where messages begin is known, not guessed
	used  uint64
}

type segment struct {
	seq  uint32
	data []byte
}

// add takes a packet and hands over the messages that it completes, which are
// valid until the next call.
func (s *streams) add(p *packet, message func([]byte)) {
	s.clock++
	st := s.byConn[p.conn]
	seq := p.seq
	if p.flags&flagSYN != 0 {
		seq++ // the SYN has a number of its own
		st = &stream{next: seq, sure: true}
		s.put(p.conn, st)
	}
	if st == nil {
		if len(p.payload) == 0 {
			return
		}
		// Joined while it was under way: the first packet may well be the
		// beginning of a message.
		st = &stream{next: seq}
		s.put(p.conn, st)
	}
	st.used = s.clock
	st.push(seq, p.payload)
	st.messages(message)
	if p.flags&(flagFIN|flagRST) != 0 && len(st.early) == 0 || p.flags&flagRST != 0 {
		delete(s.byConn, p.conn)
	}
}

// put adds a stream, in place of the one that had no packet for longest.
func (s *streams) put(conn connection, st *stream) {
	if _, known := s.byConn[conn]; !known && len(s.byConn) >= maxStreams {
		var oldest connection
		least := ^uint64(0)
		for c, other := range s.byConn {
			if other.used < least {
				oldest, least = c, other.used
			}
		}
		delete(s.byConn, oldest)
	}
	s.byConn[conn] = st
}

// push adds data at its place: what was there before is left out, what comes too
// early waits.
func (st *stream) push(seq uint32, data []byte) {
	ahead := int32(seq - st.next)
	if ahead < 0 { // sent again
		if int(-int64(ahead)) >= len(data) {
			return
		}
		data, ahead = data[-int64(ahead):], 0
	}
	if len(data) == 0 {
		return
	}
	if st.size+len(data) > maxStream || ahead > 0 && len(st.early) >= maxSegments {
		st.restart(seq, data)
		return
	}
	st.size += len(data)
	if ahead > 0 {
		st.early = append(st.early, segment{seq, slices.Clone(data)})
		return
	}
	st.buf = append(st.buf, data...)
	st.next += uint32(len(data))
	st.settle()
}

// settle takes up what is no longer early.
func (st *stream) settle() {
	for i := 0; i < len(st.early); {
		e := st.early[i]
		ahead := int32(e.seq - st.next)
		if ahead > 0 {
			i++
			continue
		}
		st.early = slices.Delete(st.early, i, i+1)
		st.size -= len(e.data)
		if done := -int64(ahead); done < int64(len(e.data)) {
			st.buf = append(st.buf, e.data[done:]...)
			st.size += len(e.data[done:])
			st.next += uint32(len(e.data[done:]))
			i = 0 // this may have been what others waited for
		}
	}
}

// restart gives up what was missing, and guesses that a message begins here.
func (st *stream) restart(seq uint32, data []byte) {
	*st = stream{next: seq, used: st.used}
	if len(data) <= maxStream {
		st.buf = append(st.buf, data...)
		st.next += uint32(len(data))
		st.size = len(data)
	}
}

// messages hands over what is whole.
func (st *stream) messages(message func([]byte)) {
	buf := st.buf
	for len(buf) >= prefix {
		size := int(binary.BigEndian.Uint16(buf))
		if !st.sure && (size < minMessage || len(buf) >= prefix+3 && buf[prefix+2]&bitResponse == 0) {
			buf = nil // no message begins here: look at the next packet
			break
		}
		if len(buf) < prefix+size {
			break
		}
		message(buf[prefix : prefix+size])
		buf = buf[prefix+size:]
	}
	st.size -= len(st.buf) - len(buf)
	if len(buf) == 0 {
		st.buf = st.buf[:0]
		return
	}
	st.buf = append(st.buf[:0], buf...)
}
