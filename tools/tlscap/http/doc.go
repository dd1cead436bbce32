// Package http understands what is said over a connection: HTTP/1.0, HTTP/1.1 and HTTP/2, gRPC within HTTP/2,
// server-sent events, and WebSocket after an upgrade or in a stream of HTTP/2. What is none of these is passed on as it is.
//
//	chunks in order -> [Decoder.Add] -> conn -> half (one for each direction) -> [Message]
//
// A [Decoder] knows many connections. It is fed with the pieces that a process read and wrote, in their order for each
// connection, and hands out each message as soon as its last byte was seen. It needs neither sockets nor clocks.
//
//	d := http.New[uint64](http.Limits{}, func(conn uint64, m *http.Message) { … })
//	d.Add(conn, http.Chunk{Dir: http.Sent, Time: now, Data: data})
//	d.Idle(now) // now and then: bytes that could have become HTTP, and did not
//	d.Close(conn, now)
//	d.End()
//
// # Joined in the middle
//
// A connection can be older than the capture. Until a message of HTTP/1 or a frame of HTTP/2 begins where a chunk
// begins, what is seen is passed on raw. HPACK, the compression of header fields in HTTP/2, refers to fields that were
// sent before: those that were not seen are [Unknown], one by one, and become known as they are sent anew.
//
// # Gaps
//
// Bytes that were cut or lost are told with a chunk. Within a body they are counted and the message says so; elsewhere
// the message ends as incomplete, and the next one is looked for where a chunk begins.
//
// # Hostile bytes
//
// Both ends of a connection belong to others. Everything is bounded: heads, bodies, what a body expands to, streams,
// tables, connections and all of them together. What is cut is marked, with its true length; what is evicted is emitted
// first, marked as incomplete, and counted ([Stats]).
package http
