package http

import "bytes"

// Kind says what a message is.
type Kind uint8

// The kinds of messages. A response with a status of 1xx is followed by another one.
const (
	KindRaw       Kind = iota // bytes that are not understood
	KindRequest               // of HTTP, with its body
	KindResponse              // of HTTP, with its body
	KindGRPC                  // one message of a gRPC call, without the five bytes before it
	KindSSE                   // one server-sent event, of a response that was emitted when it began
	KindWebSocket             // one message, put together from its frames, or a control frame
	KindReset                 // a stream of HTTP/2 was reset (RST_STREAM)
	KindGoAway                // an HTTP/2 connection is about to end (GOAWAY)
)

var kindNames = [...]string{"raw", "request", "response", "grpc", "sse", "websocket", "reset", "goaway"}

// KindNames are the names of all kinds.
func KindNames() []string { return kindNames[:] }

func (k Kind) String() string { return kindNames[k] }

// Role is that of the traced process, as far as it shows.
type Role uint8

// The zero Role is RoleUnknown.
const (
	RoleUnknown Role = iota
	RoleClient
	RoleServer
)

func (r Role) String() string { return [...]string{"", "client", "server"}[r] }

// Unknown stands for the name or the value of a field that refers to what was sent before the capture began.
const Unknown = "(unknown)"

// Header is one field of a head or of trailers, in the order they were sent. In HTTP/2 pseudo fields (":path") are not
// among them. Names are as sent.
type Header struct{ Name, Value []byte }

// Message is what was said at once by one side. Bytes come from outside and may be anything; empty ones were not there.
// It is valid for as long as [New] says, and the receiver may change it.
type Message struct {
	Kind       Kind
	Dir        Direction
	Role       Role
	Start, End int64 // when the first and the last byte were seen

	Version string // "HTTP/1.1", "HTTP/2", "" unless HTTP
	Stream  uint32 // of HTTP/2, else 0
	Pushed  bool   // the request of a PUSH_PROMISE, and the response to it

	// Of a request; a response has those of its request. Empty if the request was not seen.
	Method, Scheme, Authority, Path []byte
	Status                          int // of a response, 0 if unknown
	Reason                          []byte
	Headers, Trailers               []Header
	Latency                         int64 // of a response: nanoseconds from the first byte of the request to that of the response; -1 unknown

	ContentType []byte
	Encoding    []byte // of the body, as it was sent: "gzip"
	Body        []byte // decoded if possible
	BodyBytes   uint64 // true length as it was sent, without framing
	BodyCut     bool   // Body is not all of it
	BodyError   string // why the body, or its rest, is not decoded; "" if it is

	Index      int    // of a gRPC message in its direction of the call, or of a server-sent event, from 0
	Compressed bool   // gRPC, WebSocket: the message was compressed
	Opcode     string // of WebSocket: text, binary, close, ping, pong
	Masked     bool   // WebSocket
	Fragments  int    // WebSocket: frames that it came in
	Error      string // KindReset, KindGoAway: name of the error; gRPC responses: grpc-status

	Joined     bool   // an HTTP/2 connection whose beginning was not seen
	Incomplete string // why the message is not whole: "connection closed", "120 bytes lost"; "" if it is
}

// Get returns the first value of a field, by its name in lower case, and whether there is one.
func (m *Message) Get(name string) ([]byte, bool) { return find(m.Headers, name) }

func find(headers []Header, name string) ([]byte, bool) {
	for _, h := range headers {
		if equalFold(h.Name, name) {
			return h.Value, true
		}
	}
	return nil, false
}

// equalFold compares with a lower-case name; ASCII only, since other letters fold into surprises.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// hasToken reports whether a comma-separated list has a word, ignoring its parameters.
func hasToken(list []byte, lower string) bool {
	for len(list) > 0 {
		var word []byte
		word, list = cutByte(list, ',')
		word, _ = cutByte(word, ';')
		if equalFold(trim(word), lower) {
			return true
		}
	}
	return false
}

// anyToken is hasToken for all fields of a name.
func anyToken(headers []Header, name, lower string) bool {
	for _, h := range headers {
		if equalFold(h.Name, name) && hasToken(h.Value, lower) {
			return true
		}
	}
	return false
}

func cutByte(b []byte, sep byte) (before, after []byte) {
	if i := bytes.IndexByte(b, sep); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
