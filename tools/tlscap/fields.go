package main

import (
	"net/netip"
	"slices"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/tlscap/http"
)

type field = output.Field[event]

// fields are all that is known of an event, in the order of JSON and CSV.
var fields = slices.Concat(trace.HeadFields("tlscap", func(e *event) *trace.Head { return &e.Head }),
	ownFields, http.Fields(func(e *event) *http.Message { return e.message }))

var ownFields = []field{
	field{Name: "op", Type: output.TypeText, Enum: []string{"read", "write", "peek", "sendfile", "secret"},
		Doc: "What the program did: read, write; peek, which will be read again; sendfile, whose bytes never were in its memory; or secret, for a secret that was derived.",
		Get: func(e *event) output.Value { return output.Text(e.op()) }},
	field{Name: "library", Type: output.TypeBytes, Nullable: true, Doc: "File with the function, as the process that it was found in knows it.",
		Get: func(e *event) output.Value { return bytesOrNull([]byte(e.probe.library)) }},
	field{Name: "function", Type: output.TypeText, Nullable: true, Doc: "Function that was called.",
		Get: func(e *event) output.Value { return trace.TextOrNull(e.probe.function.Name) }},
	field{Name: "conn", Type: output.TypeUint, Nullable: true, Doc: "Number of the connection, counted from 1 in this run; null for a secret.",
		Get: func(e *event) output.Value { return numberOrNull(e.conn, e.conn != 0) }},
	field{Name: "fd", Type: output.TypeInt, Nullable: true, Doc: "Descriptor of its socket; null if not known, as with a memory BIO.",
		Get: func(e *event) output.Value {
			if e.kind == kindDerive || e.Fd < 0 {
				return output.Null()
			}
			return output.Int(int64(e.Fd))
		}},
	field{Name: "local_addr", Type: output.TypeText, Nullable: true, Doc: "Address of this end; null if not known.",
		Get: func(e *event) output.Value { return addrOrNull(e.local) }},
	field{Name: "local_port", Type: output.TypeUint, Nullable: true, Doc: "Port of this end.",
		Get: func(e *event) output.Value { return numberOrNull(uint64(e.local.Port()), e.local.IsValid()) }},
	field{Name: "remote_addr", Type: output.TypeText, Nullable: true, Doc: "Address of the other end.",
		Get: func(e *event) output.Value { return addrOrNull(e.remote) }},
	field{Name: "remote_port", Type: output.TypeUint, Nullable: true, Doc: "Port of the other end.",
		Get: func(e *event) output.Value { return numberOrNull(uint64(e.remote.Port()), e.remote.IsValid()) }},
	field{Name: "call_len", Type: output.TypeUint, Nullable: true, Doc: "Bytes that the call carried; null for a message of HTTP, which may be of several, and for a secret.",
		Get: func(e *event) output.Value { return numberOrNull(uint64(e.Total), e.kind == kindPiece) }},
	field{Name: "call_at", Type: output.TypeUint, Nullable: true, Doc: "Where among them the bytes of this line begin.",
		Get: func(e *event) output.Value { return numberOrNull(uint64(e.at), e.kind == kindPiece) }},
	field{Name: "len", Type: output.TypeUint, Nullable: true, Doc: "Bytes of this line.",
		Get: func(e *event) output.Value { return numberOrNull(uint64(len(e.data)), e.kind == kindPiece) }},
	field{Name: "continued", Type: output.TypeBool, Doc: "Whether more of the same call follows.",
		Get: func(e *event) output.Value { return output.Bool(e.more) }},
	field{Name: "missing", Type: output.TypeUint, Nullable: true, Doc: "Bytes of the connection in this direction that were lost just before.",
		Get: func(e *event) output.Value { return numberOrNull(e.missing, e.kind == kindPiece) }},
	field{Name: "unreadable", Type: output.TypeBool, Doc: "Whether the bytes could not be read from the memory of the process.",
		Get: func(e *event) output.Value { return output.Bool(e.kind == kindPiece && e.Flags&flagUnreadable != 0) }},
	field{Name: "data", Type: output.TypeBytes, Nullable: true, Doc: "The bytes; null for a message of HTTP, which has a body, and for a secret.",
		Get: func(e *event) output.Value { return bytesOrNull(e.data) }},
	field{Name: "label", Type: output.TypeText, Nullable: true, Doc: "Label of a secret in the key log; null for all else. The secret itself goes to the file only.",
		Get: func(e *event) output.Value { return trace.TextOrNull(e.secret.label) }},
	field{Name: "client_random", Type: output.TypeText, Nullable: true, Doc: "Client random of the connection that a secret is of, in hexadecimal.",
		Get: func(e *event) output.Value { return trace.TextOrNull(e.secret.random) }},
}

func bytesOrNull(b []byte) output.Value {
	if len(b) == 0 {
		return output.Null()
	}
	return output.Bytes(b)
}

func numberOrNull(n uint64, known bool) output.Value {
	if !known {
		return output.Null()
	}
	return output.Uint(n)
}

func addrOrNull(a netip.AddrPort) output.Value {
	if !a.IsValid() {
		return output.Null()
	}
	return output.Text(a.Addr().String())
}
