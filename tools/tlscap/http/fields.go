package http

import "github.com/ringside-tools/ringside/internal/output"

// Fields describe a message for JSON and CSV, to be put behind the fields of an event. get returns the message of an
// event; without one all fields are null.
func Fields[E any](get func(*E) *Message) []output.Field[E] {
	field := func(name string, t output.Type, doc string, value func(*Message) output.Value) output.Field[E] {
		return output.Field[E]{Name: name, Type: t, Nullable: true, Doc: doc, Get: func(e *E) output.Value {
			if m := get(e); m != nil {
				return value(m)
			}
			return output.Null()
		}}
	}
	message := field("message", output.TypeText, "What was understood: raw is bytes that were not.",
		func(m *Message) output.Value { return output.Text(m.Kind.String()) })
	message.Enum = KindNames()
	role := field("role", output.TypeText, "Which side the process is on, as far as it shows.",
		func(m *Message) output.Value { return orNull(m.Role.String()) })
	role.Enum = []string{RoleClient.String(), RoleServer.String()}
	opcode := field("opcode", output.TypeText, "What kind of WebSocket message it is.",
		func(m *Message) output.Value { return orNull(m.Opcode) })
	opcode.Enum = []string{"text", "binary", "close", "ping", "pong"}
	version := field("http_version", output.TypeText, "Protocol of the message.",
		func(m *Message) output.Value { return orNull(m.Version) })
	version.Enum = []string{"HTTP/1.0", "HTTP/1.1", "HTTP/2"}
	return []output.Field[E]{
		message, role, version,
		field("stream_id", output.TypeUint, "Stream of HTTP/2; of goaway the last one that is answered.", func(m *Message) output.Value {
			if m.Version != "HTTP/2" {
				return output.Null()
			}
			return output.Uint(uint64(m.Stream))
		}),
		field("method", output.TypeBytes, "Method of the request; a response has that of its request.",
			func(m *Message) output.Value { return bytesOrNull(m.Method) }),
		field("scheme", output.TypeBytes, "Scheme, where the request has one.",
			func(m *Message) output.Value { return bytesOrNull(m.Scheme) }),
		field("authority", output.TypeBytes, "Host and port that the request names.",
			func(m *Message) output.Value { return bytesOrNull(m.Authority) }),
		field("path", output.TypeBytes, "Target of the request, with its query.",
			func(m *Message) output.Value { return bytesOrNull(m.Path) }),
		field("status", output.TypeInt, "Status of the response.",
			func(m *Message) output.Value { return intOrNull(m.Status) }),
		field("reason", output.TypeBytes, "Reason phrase of an HTTP/1 response.",
			func(m *Message) output.Value { return bytesOrNull(m.Reason) }),
		field("headers", output.TypeList, "Header fields as \"name: value\", in the order they were sent; (unknown) is what was sent before the capture began.",
			func(m *Message) output.Value { return headerList(m, m.Headers) }),
		field("trailers", output.TypeList, "Fields that followed the body.",
			func(m *Message) output.Value { return headerList(m, m.Trailers) }),
		field("latency_ns", output.TypeInt, "From the first byte of the request to that of its response; null if the request was not seen.", func(m *Message) output.Value {
			if m.Latency < 0 {
				return output.Null()
			}
			return output.Int(m.Latency)
		}),
		field("duration_ns", output.TypeInt, "From the first byte of the message to its last.",
			func(m *Message) output.Value { return output.Int(m.End - m.Start) }),
		field("content_type", output.TypeBytes, "Type of the body.",
			func(m *Message) output.Value { return bytesOrNull(m.ContentType) }),
		field("content_encoding", output.TypeBytes, "Compression of the body as it was sent.",
			func(m *Message) output.Value { return bytesOrNull(m.Encoding) }),
		field("body", output.TypeBytes, "The body, decompressed; of a raw message the bytes.",
			func(m *Message) output.Value { return output.Bytes(m.Body) }),
		field("body_bytes", output.TypeUint, "True length of the body as it was sent.",
			func(m *Message) output.Value { return output.Uint(m.BodyBytes) }),
		field("body_truncated", output.TypeBool, "The body is not whole.",
			func(m *Message) output.Value { return output.Bool(m.BodyCut) }),
		field("body_error", output.TypeText, "Why the body, or the rest of it, was not decompressed.",
			func(m *Message) output.Value { return orNull(m.BodyError) }),
		field("index", output.TypeInt, "Number of the gRPC message in its direction of the call, or of the server-sent event, from 0.", func(m *Message) output.Value {
			if m.Kind != KindGRPC && m.Kind != KindSSE {
				return output.Null()
			}
			return output.Int(int64(m.Index))
		}),
		opcode,
		field("masked", output.TypeBool, "The WebSocket message was masked, as those of clients are.",
			func(m *Message) output.Value { return wsOrNull(m, output.Bool(m.Masked)) }),
		field("fragments", output.TypeInt, "WebSocket frames that the message came in.",
			func(m *Message) output.Value { return wsOrNull(m, output.Int(int64(m.Fragments))) }),
		field("compressed", output.TypeBool, "The gRPC or WebSocket message was compressed.", func(m *Message) output.Value {
			if m.Kind != KindGRPC && m.Kind != KindWebSocket {
				return output.Null()
			}
			return output.Bool(m.Compressed)
		}),
		field("error", output.TypeText, "Why the stream was reset or the connection ended; status of a gRPC call.",
			func(m *Message) output.Value { return orNull(m.Error) }),
		field("pushed", output.TypeBool, "The server sent it without being asked.",
			func(m *Message) output.Value { return output.Bool(m.Pushed) }),
		field("joined", output.TypeBool, "The beginning of the HTTP/2 connection was not seen.",
			func(m *Message) output.Value { return output.Bool(m.Joined) }),
		field("incomplete", output.TypeText, "Why the message is not whole.",
			func(m *Message) output.Value { return orNull(m.Incomplete) }),
	}
}

func headerList(m *Message, headers []Header) output.Value {
	if m.Kind != KindRequest && m.Kind != KindResponse {
		return output.Null()
	}
	list := make([][]byte, len(headers))
	for i, f := range headers {
		line := make([]byte, 0, len(f.Name)+2+len(f.Value))
		list[i] = append(append(append(line, f.Name...), ": "...), f.Value...)
	}
	return output.ByteList(list)
}

func orNull(s string) output.Value {
	if s == "" {
		return output.Null()
	}
	return output.Text(s)
}

func bytesOrNull(b []byte) output.Value {
	if len(b) == 0 {
		return output.Null()
	}
	return output.Bytes(b)
}

func intOrNull(n int) output.Value {
	if n == 0 {
		return output.Null()
	}
	return output.Int(int64(n))
}

func wsOrNull(m *Message, v output.Value) output.Value {
	if m.Kind != KindWebSocket {
		return output.Null()
	}
	return v
}
