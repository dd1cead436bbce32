package main

import (
	"strconv"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/trace"
)

// noID is the kernel's "not set" for login uid and audit session.
const noID = 1<<32 - 1

// fields are all that is known of an exec, in the order of JSON and CSV.
var fields = append(trace.HeadFields("execsnoop", func(e *event) *trace.Head { return &e.Head }),
	output.Field[event]{Name: "ret", Type: output.TypeInt, Doc: "Result of the call: 0, or a negative errno.",
		Get: func(e *event) output.Value { return output.Int(int64(e.Ret)) }},
	output.Field[event]{Name: "error", Type: output.TypeText, Nullable: true, Doc: "Name of the errno, such as ENOENT; null for a success.",
		Get: func(e *event) output.Value { return output.Errno(e.Ret) }},
	output.Field[event]{Name: "filename", Type: output.TypeBytes, Nullable: true, Doc: "The file as the caller named it; /dev/fd/N for one named by a descriptor; null if it could not be read.",
		Get: func(e *event) output.Value { return bytesOrNull(e.filename) }},
	output.Field[event]{Name: "exe", Type: output.TypeBytes, Nullable: true, Doc: "Full path of the new image from the root of its mount namespace, for a script that of its interpreter; the bare name of a file without a place, such as a memfd; null for a failure.",
		Get: func(e *event) output.Value { return bytesOrNull(e.exe) }},
	output.Field[event]{Name: "interp", Type: output.TypeBytes, Nullable: true, Doc: "The interpreter of a script or of a foreign binary, as its #! line or the registration names it; null for an ordinary binary and for a failure.",
		Get: func(e *event) output.Value { return bytesOrNull(e.interp) }},
	output.Field[event]{Name: "args", Type: output.TypeList, Nullable: true, Doc: "The arguments from argv[0] on: of a success as the new image got them, interpreter included; of a failure as the caller gave them. Null if they could not be read.",
		Get: func(e *event) output.Value { return e.argsValue() }},
	output.Field[event]{Name: "argc", Type: output.TypeUint, Nullable: true, Doc: "Number of arguments, also where args has not all of them; null for a failure with more than 511, or with an argv that could not be read.",
		Get: func(e *event) output.Value {
			if e.Flags&flagArgcMin != 0 {
				return output.Null()
			}
			return output.Uint(uint64(e.Argc))
		}},
	output.Field[event]{Name: "args_truncated", Type: output.TypeBool, Doc: "Whether args lacks arguments or the last one lacks its end.",
		Get: func(e *event) output.Value { return output.Bool(e.cut) }},
	output.Field[event]{Name: "args_unreadable", Type: output.TypeUint, Doc: "How many arguments stand as empty strings in args because their memory could not be read.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.ArgsUnreadable)) }},
	output.Field[event]{Name: "cwd", Type: output.TypeBytes, Nullable: true, Doc: "Working directory from the root of its mount namespace.",
		Get: func(e *event) output.Value { return bytesOrNull(e.cwd) }},
	output.Field[event]{Name: "parent_comm", Type: output.TypeBytes, Doc: "Name of the parent.",
		Get: func(e *event) output.Value { return output.Bytes(e.parent) }},
	output.Field[event]{Name: "exec_from_tid", Type: output.TypeUint, Doc: "Thread that called exec; other than tid if it was not the leader and took over the leader's id.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.FromTid)) }},
	output.Field[event]{Name: "duration_ns", Type: output.TypeUint, Nullable: true, Doc: "Nanoseconds from the entry of the system call to its success or failure; null if its entry was not seen.",
		Get: func(e *event) output.Value {
			if e.DurationNs == 0 {
				return output.Null()
			}
			return output.Uint(e.DurationNs)
		}},
	output.Field[event]{Name: "user", Type: output.TypeBytes, Nullable: true, Doc: "Name of uid in /etc/passwd.",
		Get: func(e *event) output.Value {
			if len(e.user) == 0 {
				return output.Null()
			}
			return output.Bytes(e.user)
		}},
	output.Field[event]{Name: "gid", Type: output.TypeUint, Doc: "Real group id.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.bpfExecRecord.Head.Gid)) }},
	output.Field[event]{Name: "euid", Type: output.TypeUint, Doc: "Effective user id; other than uid after a set-user-ID exec.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.Euid)) }},
	output.Field[event]{Name: "login_uid", Type: output.TypeUint, Nullable: true, Doc: "User who logged in, kept over su and sudo; null if nobody did or the kernel has no audit.",
		Get: func(e *event) output.Value { return auditID(e, e.Loginuid) }},
	output.Field[event]{Name: "session_id", Type: output.TypeUint, Nullable: true, Doc: "Audit session of the login; null as for login_uid.",
		Get: func(e *event) output.Value { return auditID(e, e.Sessionid) }},
	output.Field[event]{Name: "cpu", Type: output.TypeUint, Doc: "CPU that the event was seen on.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.Cpu)) }},
	output.Field[event]{Name: "exe_inode", Type: output.TypeUint, Nullable: true, Doc: "Inode of exe.",
		Get: func(e *event) output.Value { return e.ofImage(output.Uint(e.Inode)) }},
	output.Field[event]{Name: "exe_dev", Type: output.TypeText, Nullable: true, Doc: "Device of exe, MAJOR:MINOR.",
		Get: func(e *event) output.Value { return e.ofImage(output.Text(device(e.Dev))) }},
	output.Field[event]{Name: "exe_deleted", Type: output.TypeBool, Nullable: true, Doc: "Whether exe has no name left in any directory.",
		Get: func(e *event) output.Value { return e.ofImage(output.Bool(e.Flags&flagDeleted != 0)) }},
	output.Field[event]{Name: "exe_memfd", Type: output.TypeBool, Nullable: true, Doc: "Whether exe is a memfd: a program that was never a file.",
		Get: func(e *event) output.Value { return e.ofImage(output.Bool(e.Flags&flagMemfd != 0)) }},
	output.Field[event]{Name: "exe_upper_layer", Type: output.TypeBool, Nullable: true, Doc: "Whether exe is in the upper layer of an overlay: written since the container began, not part of its image.",
		Get: func(e *event) output.Value { return e.ofImage(output.Bool(e.Flags&flagUpper != 0)) }},
)

func bytesOrNull(b []byte) output.Value {
	if b == nil {
		return output.Null()
	}
	return output.Bytes(b)
}

// argsValue is null where not even the argument vector could be read.
func (e *event) argsValue() output.Value {
	if len(e.args) == 0 && e.Flags&flagArgsUnreadable != 0 {
		return output.Null()
	}
	return output.ByteList(e.args)
}

// ofImage is null where there is no new image, or it was not asked for.
func (e *event) ofImage(v output.Value) output.Value {
	if e.failed || e.Flags&flagPaths == 0 {
		return output.Null()
	}
	return v
}

func auditID(e *event, id uint32) output.Value {
	if e.Flags&flagAudit == 0 || id == noID {
		return output.Null()
	}
	return output.Uint(uint64(id))
}

// devices remembers the text of device numbers: there are few.
var devices = make(map[uint32]string)

// device formats a kernel dev_t (20 bits of minor number).
func device(dev uint32) string {
	s, ok := devices[dev]
	if !ok {
		s = strconv.FormatUint(uint64(dev>>20), 10) + ":" + strconv.FormatUint(uint64(dev&0xfffff), 10)
		devices[dev] = s
	}
	return s
}
