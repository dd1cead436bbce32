package main

import (
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/trace"
)

// fields are all that is known of a call, in the order of JSON and CSV.
var fields = append(headFields(),
	output.Field[event]{Name: "op", Type: output.TypeText, Enum: []string{"bind", "listen"}, Doc: "The call: bind or listen; of a listener that was there before, listen for TCP and bind for UDP.",
		Get: func(e *event) output.Value {
			if e.bpfBindRecord.Head.Kind == kindListen {
				return output.Text("listen")
			}
			return output.Text("bind")
		}},
	output.Field[event]{Name: "existing", Type: output.TypeBool, Doc: "Whether the listener was there before tracing began; time is then when it was found.",
		Get: func(e *event) output.Value { return output.Bool(e.existing) }},
	output.Field[event]{Name: "ret", Type: output.TypeInt, Doc: "Result of the call: 0, or a negative errno.",
		Get: func(e *event) output.Value { return output.Int(int64(e.Ret)) }},
	output.Field[event]{Name: "error", Type: output.TypeText, Nullable: true, Doc: "Name of the errno, such as EADDRINUSE; null for a success.",
		Get: func(e *event) output.Value { return output.Errno(e.Ret) }},
	output.Field[event]{Name: "protocol", Type: output.TypeText, Enum: []string{"tcp", "udp"}, Doc: "tcp, also for MPTCP, or udp.",
		Get: func(e *event) output.Value { return output.Text(e.protocol()) }},
	output.Field[event]{Name: "ip_version", Type: output.TypeUint, Nullable: true, Doc: "4 or 6, that of addr: 4 for an address like ::ffff:192.0.2.1, which is IPv4 through a socket of IPv6.",
		Get: func(e *event) output.Value {
			switch {
			case !e.addr.IsValid():
				return output.Null()
			case e.addr.Is4():
				return output.Uint(4)
			}
			return output.Uint(6)
		}},
	output.Field[event]{Name: "addr", Type: output.TypeBytes, Nullable: true, Doc: "Local address that the socket got, or of a failed bind the one that was asked for; null if that was none, or could not be read.",
		Get: func(e *event) output.Value {
			if !e.addr.IsValid() {
				return output.Null()
			}
			return output.Bytes(e.addrText)
		}},
	output.Field[event]{Name: "port", Type: output.TypeUint, Nullable: true, Doc: "Local port that the socket got, or of a failed bind the one that was asked for; null if there is none yet, as with IP_BIND_ADDRESS_NO_PORT.",
		Get: func(e *event) output.Value {
			if e.Flags&flagPort == 0 {
				return output.Null()
			}
			return output.Uint(uint64(e.Port))
		}},
	output.Field[event]{Name: "privileged", Type: output.TypeBool, Doc: "Whether the port is below 1024.",
		Get: func(e *event) output.Value { return output.Bool(e.privileged()) }},
	output.Field[event]{Name: "ephemeral", Type: output.TypeBool, Nullable: true, Doc: "Whether the kernel chose the port; null for a failure and for a listener that was there before.",
		Get: func(e *event) output.Value {
			if e.existing || e.Ret != 0 {
				return output.Null()
			}
			return output.Bool(e.Flags&flagChosen != 0)
		}},
	output.Field[event]{Name: "backlog", Type: output.TypeUint, Nullable: true, Doc: "Connections that may wait to be accepted, as listen() set it: not above net.core.somaxconn; null for a bind and for a failure.",
		Get: func(e *event) output.Value {
			if e.Flags&flagBacklog == 0 {
				return output.Null()
			}
			return output.Uint(uint64(e.Backlog))
		}},
	output.Field[event]{Name: "options", Type: output.TypeTextList, Nullable: true, Doc: "Options that were set before: freebind, transparent, bind_address_no_port, reuseaddr, reuseport; null for a listener that was there before.",
		Get: func(e *event) output.Value {
			if e.existing {
				return output.Null()
			}
			return output.TextList(optionNames[e.Flags&flagOptions])
		}},
	output.Field[event]{Name: "ipv6_only", Type: output.TypeBool, Nullable: true, Doc: "Whether a socket of IPv6 takes IPv6 alone; null for one of IPv4, and for a listener that was there before.",
		Get: func(e *event) output.Value {
			if e.existing || e.Flags&flagSocketV6 == 0 {
				return output.Null()
			}
			return output.Bool(e.Flags&flagV6only != 0)
		}},
	output.Field[event]{Name: "bound_if", Type: output.TypeUint, Nullable: true, Doc: "Index of the interface that the socket is bound to; null for all, and for a listener that was there before.",
		Get: func(e *event) output.Value {
			if e.BoundIf == 0 {
				return output.Null()
			}
			return output.Uint(uint64(e.BoundIf))
		}},
	output.Field[event]{Name: "interface", Type: output.TypeBytes, Nullable: true, Doc: "Name of that interface; null in another network namespace than that of the command.",
		Get: func(e *event) output.Value { return bytesOrNull(e.ifname) }},
	output.Field[event]{Name: "netns", Type: output.TypeUint, Doc: "Number of the socket's network namespace, as in /proc/PID/ns/net.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.Netns)) }},
	output.Field[event]{Name: "exe", Type: output.TypeBytes, Nullable: true, Doc: "Full path of the executable from the root of its mount namespace; the bare name of a file without a place, such as a memfd; null for the kernel's own sockets.",
		Get: func(e *event) output.Value {
			if e.exe == nil {
				return output.Null()
			}
			return output.Bytes(e.exe)
		}},
	output.Field[event]{Name: "user", Type: output.TypeBytes, Nullable: true, Doc: "Name of uid in /etc/passwd.",
		Get: func(e *event) output.Value { return bytesOrNull(e.user) }},
)

// headFields are those of all commands, but that the owner of a listener which
// was there before may be unknown.
func headFields() []output.Field[event] {
	head := trace.HeadFields("bindsnoop", func(e *event) *trace.Head { return &e.Head })
	unknown := map[string]string{
		"pid":       "Process id in the initial pid namespace; null where the owner of a listener that was there before is not found, such as the kernel itself.",
		"tid":       "Thread id in the initial pid namespace; null for a listener that was there before.",
		"ppid":      "Process id of the parent; null where pid is.",
		"comm":      "Name of the task, at most 15 bytes; null where pid is.",
		"cgroup_id": "Cgroup v2 id: the inode of its directory; null where it is not known of a listener that was there before.",
	}
	for i, f := range head {
		doc, ok := unknown[f.Name]
		if !ok {
			continue
		}
		get := f.Get
		head[i].Nullable, head[i].Doc = true, doc
		head[i].Get = func(e *event) output.Value {
			if !e.owned || e.existing && (f.Name == "tid" || f.Name == "cgroup_id" && e.CgroupID == 0) {
				return output.Null()
			}
			return get(e)
		}
	}
	return head
}

func bytesOrNull(b []byte) output.Value {
	if len(b) == 0 {
		return output.Null()
	}
	return output.Bytes(b)
}

// optionNames has the list of options for every combination of their flags.
var optionNames = func() (all [flagOptions + 1][]string) {
	for flags := range all {
		all[flags] = []string{}
		for bit, name := range []string{"freebind", "transparent", "bind_address_no_port", "reuseaddr", "reuseport"} {
			if flags&(1<<bit) != 0 {
				all[flags] = append(all[flags], name)
			}
		}
	}
	return all
}()
