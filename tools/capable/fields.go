package main

import (
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/trace"
)

// fields are all that is known of a check, in the order of JSON and CSV.
var fields = append(trace.HeadFields("capable", func(e *event) *trace.Head { return &e.Head }),
	output.Field[event]{Name: "cap", Type: output.TypeInt, Doc: "Number of the capability.",
		Get: func(e *event) output.Value { return output.Int(int64(e.Cap)) }},
	output.Field[event]{Name: "cap_name", Type: output.TypeText, Nullable: true, Doc: "Its name, such as CAP_NET_ADMIN; null for a number that has none here.",
		Get: func(e *event) output.Value { return capName(e.Cap) }},
	output.Field[event]{Name: "allowed", Type: output.TypeBool, Doc: "Whether it was granted by the capabilities in the task's credentials; other security modules may still refuse.",
		Get: func(e *event) output.Value { return output.Bool(e.Ret == 0) }},
	output.Field[event]{Name: "ret", Type: output.TypeInt, Doc: "Result of the check: 0, or a negative errno.",
		Get: func(e *event) output.Value { return output.Int(int64(e.Ret)) }},
	output.Field[event]{Name: "audit", Type: output.TypeBool, Nullable: true, Doc: "Whether a refusal may be written to the audit log; null if that is not known.",
		Get: func(e *event) output.Value { return e.flag(flagAuditKnown, flagAudit) }},
	output.Field[event]{Name: "audit_source", Type: output.TypeText, Nullable: true, Enum: []string{"arg", "caller"}, Doc: "How audit and insetid are known: from the argument of the check, or inferred from the kernel function that asked; null if they are not known.",
		Get: func(e *event) output.Value {
			switch {
			case e.bpfCapRecord.Flags&flagAuditKnown == 0:
				return output.Null()
			case e.bpfCapRecord.Flags&flagAuditInferred != 0:
				return output.Text("caller")
			}
			return output.Text("arg")
		}},
	output.Field[event]{Name: "insetid", Type: output.TypeBool, Nullable: true, Doc: "Whether setuid() or its like asked; null if that is not known.",
		Get: func(e *event) output.Value { return e.flag(flagInsetidKnown, flagInsetid) }},
	output.Field[event]{Name: "overridden", Type: output.TypeBool, Doc: "Whether the credentials that were checked were not the task's own, as in an overlay file system or in access(); always false without -v.",
		Get: func(e *event) output.Value { return output.Bool(e.bpfCapRecord.Flags&flagOverridden != 0) }},
	output.Field[event]{Name: "syscall", Type: output.TypeText, Nullable: true, Doc: "Name of the system call that the task was in; null outside of one, or if it has no name here.",
		Get: func(e *event) output.Value { return trace.TextOrNull(e.syscall) }},
	output.Field[event]{Name: "syscall_nr", Type: output.TypeInt, Nullable: true, Doc: "Its number on this architecture, for a 32-bit task that of its 32-bit counterpart.",
		Get: func(e *event) output.Value {
			if e.Syscall < 0 {
				return output.Null()
			}
			return output.Int(int64(e.Syscall))
		}},
	output.Field[event]{Name: "current_userns", Type: output.TypeUint, Doc: "User namespace of the credentials, by its number in /proc/PID/ns/user.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.CurrentUserns)) }},
	output.Field[event]{Name: "target_userns", Type: output.TypeUint, Doc: "User namespace that the capability was asked for.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.TargetUserns)) }},
	output.Field[event]{Name: "kstack", Type: output.TypeList, Nullable: true, Doc: "Kernel functions, innermost first, as function+offset [module]; null without -K, empty if the kernel could not tell.",
		Get: func(e *event) output.Value { return listOrNull(e.kstack) }},
	output.Field[event]{Name: "ustack", Type: output.TypeList, Nullable: true, Doc: "User functions, innermost first, as function+offset (file); null without -U, empty if the kernel could not tell.",
		Get: func(e *event) output.Value { return listOrNull(e.ustack) }},
)

// flag is the value of a bit that is known where another bit says so.
func (e *event) flag(known, bit uint32) output.Value {
	if e.bpfCapRecord.Flags&known == 0 {
		return output.Null()
	}
	return output.Bool(e.bpfCapRecord.Flags&bit != 0)
}

func listOrNull(l [][]byte) output.Value {
	if l == nil {
		return output.Null()
	}
	return output.ByteList(l)
}

func capName(c int32) output.Value {
	if cap := preflight.Capability(c); cap.Known() {
		return output.Text(cap.String())
	}
	return output.Null()
}
