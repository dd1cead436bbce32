package main

import (
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/trace"
)

// fields are all that is known of an attempt, in the order of JSON and CSV.
var fields = append(trace.HeadFields("tcpconnect", func(e *event) *trace.Head { return &e.Head }),
	output.Field[event]{Name: "ip_version", Type: output.TypeUint, Doc: "4 or 6; 4 for an address like ::ffff:192.0.2.1, which is IPv4 through a socket of IPv6.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.Version)) }},
	output.Field[event]{Name: "saddr", Type: output.TypeBytes, Nullable: true, Doc: "Source address; null if the attempt failed before it got one.",
		Get: func(e *event) output.Value { return addrOrNull(e.saddr) }},
	output.Field[event]{Name: "sport", Type: output.TypeUint, Nullable: true, Doc: "Source port; null if the attempt failed before it got one, or has no outcome yet.",
		Get: func(e *event) output.Value { return portOrNull(e.Sport) }},
	output.Field[event]{Name: "daddr", Type: output.TypeBytes, Doc: "Destination address.",
		Get: func(e *event) output.Value { return output.Bytes(e.daddr) }},
	output.Field[event]{Name: "dport", Type: output.TypeUint, Doc: "Destination port.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.Dport)) }},
	output.Field[event]{Name: "result", Type: output.TypeText, Nullable: true, Enum: results[1:], Doc: "What became of the attempt; aborted if the socket was closed first, by its process or with it; error for any errno without a name here; null for an attempt that had no outcome yet when tracing ended.",
		Get: func(e *event) output.Value { return trace.TextOrNull(results[e.Result]) }},
	output.Field[event]{Name: "ret", Type: output.TypeInt, Nullable: true, Doc: "0 for a connection, else a negative errno; null without an outcome, for an attempt that was aborted, and where the kernel did not tell.",
		Get: func(e *event) output.Value {
			if e.Ret == 0 && e.Result != resultEstablished {
				return output.Null()
			}
			return output.Int(int64(e.Ret))
		}},
	output.Field[event]{Name: "error", Type: output.TypeText, Nullable: true, Doc: "Name of the errno, such as ECONNREFUSED; null if there is none.",
		Get: func(e *event) output.Value { return output.Errno(e.Ret) }},
	output.Field[event]{Name: "latency_ns", Type: output.TypeUint, Nullable: true, Doc: "Nanoseconds from the attempt to its outcome, of a connection the time of the handshake; null without an outcome, and for a failure before anything was sent.",
		Get: func(e *event) output.Value {
			if e.LatencyNs == 0 {
				return output.Null()
			}
			return output.Uint(e.LatencyNs)
		}},
	output.Field[event]{Name: "blocking", Type: output.TypeBool, Nullable: true, Doc: "Whether the socket is in blocking mode; null for a socket without a file, such as one of the kernel or of MPTCP.",
		Get: func(e *event) output.Value {
			if e.Flags&(flagBlocking|flagNonblocking) == 0 {
				return output.Null()
			}
			return output.Bool(e.Flags&flagBlocking != 0)
		}},
	output.Field[event]{Name: "netns", Type: output.TypeUint, Doc: "Network namespace of the socket, as /proc/PID/ns/net has it.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.Netns)) }},
	output.Field[event]{Name: "protocol", Type: output.TypeText, Enum: []string{"tcp", "mptcp"}, Doc: "mptcp for a subflow of MPTCP, that the caller or the kernel opened.",
		Get: func(e *event) output.Value {
			if e.Flags&flagMptcp != 0 {
				return output.Text("mptcp")
			}
			return output.Text("tcp")
		}},
	output.Field[event]{Name: "fastopen", Type: output.TypeBool, Doc: "Whether TCP Fast Open was asked for, by TCP_FASTOPEN_CONNECT or MSG_FASTOPEN.",
		Get: func(e *event) output.Value { return output.Bool(e.Flags&flagFastopen != 0) }},
	output.Field[event]{Name: "dns_query", Type: output.TypeBytes, Nullable: true, Doc: "With -d, the name that was asked for in the newest answer of DNS, before the attempt, that had the destination; null if none was seen.",
		Get: func(e *event) output.Value {
			if e.name == nil {
				return output.Null()
			}
			return output.Bytes(e.name.Name)
		}},
	output.Field[event]{Name: "dns_cnames", Type: output.TypeList, Nullable: true, Doc: "The names that stood between that one and the address (CNAME), in their order.",
		Get: func(e *event) output.Value {
			if e.name == nil {
				return output.Null()
			}
			return output.ByteList(e.name.CNAMEs)
		}},
	output.Field[event]{Name: "dns_age_ms", Type: output.TypeUint, Nullable: true, Doc: "Milliseconds from the answer to the attempt.",
		Get: func(e *event) output.Value {
			if e.name == nil {
				return output.Null()
			}
			return output.Uint(uint64(e.name.Age(e.Time).Milliseconds()))
		}},
)

func addrOrNull(addr []byte) output.Value {
	if addr == nil {
		return output.Null()
	}
	return output.Bytes(addr)
}

// portOrNull is null for port 0, which no connection has.
func portOrNull(port uint16) output.Value {
	if port == 0 {
		return output.Null()
	}
	return output.Uint(uint64(port))
}
