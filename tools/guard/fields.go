package main

import (
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/guard/engine"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// schemaVersion is that of the JSON lines; it changes when a field changes its
// meaning or goes.
const schemaVersion = "1"

type field = output.Field[event]

// fields are all that is known of an alert, in the order of JSON and CSV.
var fields = append(trace.HeadFields("guard", func(e *event) *trace.Head { return &e.Head }),
	field{Name: "policy", Type: output.TypeText, Nullable: true, Doc: "Name of the policy; null for an alert that was sent several changes of the policies ago, and where the path could not be found out.",
		Get: func(e *event) output.Value { return trace.TextOrNull(e.Policy) }},
	field{Name: "revision", Type: output.TypeUint, Doc: "Of the policies that decided: 1, and one more with every change while guard runs.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.Revision)) }},
	field{Name: "rule", Type: output.TypeText, Nullable: true, Doc: "Id of the rule; null for a default, and where policy is.",
		Get: func(e *event) output.Value { return trace.TextOrNull(e.Rule) }},
	field{Name: "message", Type: output.TypeBytes, Nullable: true, Doc: "What the rule has for a message.",
		Get: func(e *event) output.Value { return bytesOrNull(e.Message) }},
	field{Name: "position", Type: output.TypeBytes, Nullable: true, Doc: "Where the rule or the default stands: FILE:LINE:COLUMN.",
		Get: func(e *event) output.Value {
			if e.Position.Line == 0 {
				return output.Null()
			}
			return bytesOrNull(e.Position.String())
		}},
	field{Name: "class", Type: output.TypeText, Enum: classes(), Doc: "The class of operations, as blocks of rules and defaults have it; self for what is done to guard.",
		Get: func(e *event) output.Value { return output.Text(className(e.Kind)) }},
	field{Name: "kind", Type: output.TypeText, Enum: kinds, Doc: "What was about to be done: of the class file, the kind of access; of exec, exec or load; else the class.",
		Get: func(e *event) output.Value { return output.Text(string(e.Kind)) }},
	field{Name: "hook", Type: output.TypeText, Doc: "The security hook of the kernel that decided.",
		Get: func(e *event) output.Value { return output.Text(string(e.Hook)) }},
	field{Name: "action", Type: output.TypeText, Enum: []string{"deny", "audit"}, Doc: "deny: it was refused; audit: it would have been, and happened.",
		Get: func(e *event) output.Value { return output.Text(e.action()) }},
	field{Name: "reason", Type: output.TypeText, Enum: []string{string(engine.ByRule), string(engine.ByDefault), string(engine.ByUnresolved)}, Doc: "rule: a rule denies it; default: no rule allows it, and a default denies; unresolved: its path could not be found out, and the policy is strict about that.",
		Get: func(e *event) output.Value { return output.Text(string(e.Reason)) }},
	field{Name: "errno", Type: output.TypeText, Nullable: true, Doc: "The error that the process got: EPERM; null where it got none.",
		Get: func(e *event) output.Value {
			if !e.Denied {
				return output.Null()
			}
			return output.Text("EPERM")
		}},
	field{Name: "exe", Type: output.TypeBytes, Nullable: true, Doc: "Path of what the process executes, from the root of its mount namespace; null for the kernel's own threads.",
		Get: func(e *event) output.Value { return bytesOrNull(e.Process.Exe) }},
	field{Name: "exe_dev", Type: output.TypeText, Nullable: true, Doc: "Device of that file: MAJOR:MINOR.",
		Get: func(e *event) output.Value { return deviceOrNull(e.Process.ExeDev, e.Process.ExeIno) }},
	field{Name: "exe_ino", Type: output.TypeUint, Nullable: true, Doc: "Inode of that file.",
		Get: func(e *event) output.Value { return uintOrNull(e.Process.ExeIno) }},
	field{Name: "euid", Type: output.TypeUint, Doc: "Effective user id in the initial user namespace.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.Process.EUID)) }},
	field{Name: "mntns", Type: output.TypeUint, Doc: "Number of the mount namespace, as in /proc/PID/ns/mnt.",
		Get: func(e *event) output.Value { return output.Uint(e.Process.MountNS) }},
	field{Name: "userns_level", Type: output.TypeUint, Doc: "How deep the user namespace is: 0 is the initial one.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.Process.UserNSLevel)) }},
	field{Name: "subjects", Type: output.TypeTextList, Doc: "Subjects of the policies that the process is one of.",
		Get: func(e *event) output.Value { return output.TextList(e.Process.Subjects) }},
	field{Name: "path", Type: output.TypeBytes, Nullable: true, Doc: "The file, program, mount point or Unix socket, from the root of the process's mount namespace; for an abstract socket, @ and its name; null for what has none, such as a socket without a name.",
		Get: func(e *event) output.Value { return bytesOrNull(e.Object.Path) }},
	field{Name: "path_cut", Type: output.TypeBool, Doc: "Whether path lacks its beginning.",
		Get: func(e *event) output.Value { return output.Bool(e.Object.PathCut) }},
	field{Name: "dev", Type: output.TypeText, Nullable: true, Doc: "Device of the file: MAJOR:MINOR; null for one that is yet to be made.",
		Get: func(e *event) output.Value { return deviceOrNull(e.Object.Dev, e.Object.Ino) }},
	field{Name: "ino", Type: output.TypeUint, Nullable: true, Doc: "Inode of the file.",
		Get: func(e *event) output.Value { return uintOrNull(e.Object.Ino) }},
	field{Name: "addr", Type: output.TypeText, Nullable: true, Doc: "Address of the class connect: the peer's; of bind: the own one.",
		Get: func(e *event) output.Value {
			if !e.Object.Addr.IsValid() || !e.ofNetwork() || e.Kind == "socket" {
				return output.Null()
			}
			return output.Text(e.Object.Addr.Addr().String())
		}},
	field{Name: "port", Type: output.TypeUint, Nullable: true, Doc: "Port of that address.",
		Get: func(e *event) output.Value {
			if !e.Object.Addr.IsValid() || !e.ofNetwork() || e.Kind == "socket" {
				return output.Null()
			}
			return output.Uint(uint64(e.Object.Addr.Port()))
		}},
	field{Name: "family", Type: output.TypeText, Nullable: true, Doc: "Address family of sockets, as policies have it: unix, inet, inet6, netlink, or a number.",
		Get: func(e *event) output.Value {
			if !e.ofNetwork() {
				return output.Null()
			}
			return output.Text(policy.FamilyOf(e.Object.Family).String())
		}},
	field{Name: "proto", Type: output.TypeText, Nullable: true, Doc: "Transport protocol of Internet sockets: tcp, also for MPTCP, udp, sctp, icmp or icmpv6; null for others.",
		Get: func(e *event) output.Value {
			if !e.ofNetwork() {
				return output.Null()
			}
			return trace.TextOrNull(proto(&e.Object))
		}},
	field{Name: "sock_type", Type: output.TypeText, Nullable: true, Doc: "Type of the socket: stream, dgram, raw, rdm, seqpacket, dccp or packet; null where the hook does not tell.",
		Get: func(e *event) output.Value {
			if !e.ofNetwork() {
				return output.Null()
			}
			return trace.TextOrNull(socketTypes[e.Object.SocketType])
		}},
	field{Name: "operation", Type: output.TypeText, Nullable: true, Doc: "Of the class mount: new, bind, move, remount, umount, pivot or propagation; of setuid: setuid, setgid, setgroups, suid_exec, userns or capset; of exec: fileless or no_args where that is so; of self: signal, trace, map, program or switch.",
		Get: func(e *event) output.Value { return trace.TextOrNull(e.Object.Operation) }},
	field{Name: "fstype", Type: output.TypeBytes, Nullable: true, Doc: "Type of the file system that was to be mounted.",
		Get: func(e *event) output.Value { return bytesOrNull(e.Object.FSType) }},
	field{Name: "old_id", Type: output.TypeUint, Nullable: true, Doc: "Of the class setuid: the user or group id before.",
		Get: func(e *event) output.Value {
			if e.Kind != "setuid" {
				return output.Null()
			}
			return output.Uint(uint64(e.Object.OldID))
		}},
	field{Name: "new_id", Type: output.TypeUint, Nullable: true, Doc: "Of the class setuid: the id that it was to be; null where there is none, as for a user namespace.",
		Get: func(e *event) output.Value {
			if e.Kind != "setuid" || e.Object.NewID == e.Object.OldID {
				return output.Null()
			}
			return output.Uint(uint64(e.Object.NewID))
		}},
)

func classes() (all []string) {
	for c := range policy.Classes {
		all = append(all, c.String())
	}
	return append(all, classSelf)
}

func bytesOrNull(s string) output.Value {
	if s == "" {
		return output.Null()
	}
	return output.Bytes([]byte(s))
}

func uintOrNull(n uint64) output.Value {
	if n == 0 {
		return output.Null()
	}
	return output.Uint(n)
}

func deviceOrNull(dev uint32, ino uint64) output.Value {
	if dev == 0 && ino == 0 {
		return output.Null()
	}
	return output.Text(device(dev))
}

// change is a line about the policies themselves.
type change struct {
	time     int64 // nanoseconds since 1970 UTC
	refused  error // nil for policies that are in force now
	policies int
	rules    int
	files    []string
}

// changeFields are the line of type policy, in JSON.
var changeFields = []output.Field[change]{
	{Name: "time", Type: output.TypeTime, Doc: "When the policies were changed, in UTC.",
		Get: func(c *change) output.Value { return output.Time(c.time) }},
	{Name: "tool", Type: output.TypeText, Doc: "The command that changed them.",
		Get: func(*change) output.Value { return output.Text("guard") }},
	{Name: "type", Type: output.TypeText, Enum: []string{"policy"}, Doc: "The type of the line: policy.",
		Get: func(*change) output.Value { return output.Text("policy") }},
	{Name: "status", Type: output.TypeText, Enum: []string{"loaded", "refused"}, Doc: "loaded: these policies are in force; refused: they are not, and those before them still are.",
		Get: func(c *change) output.Value {
			if c.refused != nil {
				return output.Text("refused")
			}
			return output.Text("loaded")
		}},
	{Name: "error", Type: output.TypeBytes, Nullable: true, Doc: "Why they were refused.",
		Get: func(c *change) output.Value {
			if c.refused == nil {
				return output.Null()
			}
			return output.Bytes([]byte(c.refused.Error()))
		}},
	{Name: "policies", Type: output.TypeUint, Nullable: true, Doc: "How many policies there are; null where the files could not be read.",
		Get: func(c *change) output.Value { return uintOrNull(uint64(c.policies)) }},
	{Name: "rules", Type: output.TypeUint, Nullable: true, Doc: "How many rules they have; null where policies is.",
		Get: func(c *change) output.Value {
			if c.policies == 0 {
				return output.Null()
			}
			return output.Uint(uint64(c.rules))
		}},
	{Name: "files", Type: output.TypeList, Doc: "The files that they were read from.",
		Get: func(c *change) output.Value {
			var all [][]byte
			for _, f := range c.files {
				all = append(all, []byte(f))
			}
			return output.ByteList(all)
		}},
}

// schema is the JSON Schema of all lines.
func schema() []byte {
	return output.Schema("guard", schemaVersion, fields, output.NewVariant("guard", changeFields), output.NewVariant("guard", statusFields))
}
