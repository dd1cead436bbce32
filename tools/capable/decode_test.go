package main

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/internal/tooltest"
	"github.com/ringside-tools/ringside/internal/trace"
)

// field returns a field of an event by its name.
func field(t testing.TB, e *event, name string) output.Value {
	t.Helper()
	i := slices.IndexFunc(fields, func(f output.Field[event]) bool { return f.Name == name })
	qt.Assert(t, qt.IsTrue(i >= 0), qt.Commentf("%s", name))
	return fields[i].Get(e)
}

// TestDecodeFlags has every flag, and what is not known without another one.
func TestDecodeFlags(t *testing.T) {
	null, yes, no := output.Null(), output.Bool(true), output.Bool(false)
	type values struct{ audit, source, insetid, overridden output.Value }
	for flags, want := range map[uint32]values{
		0:                               {null, null, null, no},
		flagAudit:                       {null, null, null, no},
		flagInsetid:                     {null, null, null, no},
		flagAuditInferred:               {null, null, null, no},
		flagOverridden:                  {null, null, null, yes},
		flagAuditKnown:                  {no, output.Text("arg"), null, no},
		flagAuditKnown | flagAudit:      {yes, output.Text("arg"), null, no},
		flagInsetidKnown:                {null, null, no, no},
		flagInsetidKnown | flagInsetid:  {null, null, yes, no},
		flagAuditKnown | flagInsetid:    {no, output.Text("arg"), null, no},
		flagAuditKnown | flagOverridden: {no, output.Text("arg"), null, yes},
		flagAuditKnown | flagInsetidKnown | flagAuditInferred:                           {no, output.Text("caller"), no, no},
		flagAuditKnown | flagInsetidKnown | flagAuditInferred | flagAudit | flagInsetid: {yes, output.Text("caller"), yes, no},
	} {
		// Flags of other things change nothing.
		for _, more := range []uint32{0, flagCompat | flagExeCut | flagExeDetached} {
			e := decode(t, check(func(r *record) { r.Flags = flags | more }))
			got := values{field(t, e, "audit"), field(t, e, "audit_source"), field(t, e, "insetid"), field(t, e, "overridden")}
			qt.Check(t, qt.Equals(got, want), qt.Commentf("%#x", flags|more))
		}
	}
}

// TestDecodeSyscall: a 32-bit task has numbers of its own.
func TestDecodeSyscall(t *testing.T) {
	for _, test := range []struct {
		nr    int32
		flags uint32
		name  any // nil if there is none
	}{
		{-1, 0, nil}, {-1, flagCompat, nil}, {1 << 20, 0, nil}, {1<<31 - 1, flagCompat, nil}, {-1 << 31, 0, nil},
		{23, flagCompat, "setuid"}, // of i386 and of arm
		{26, flagCompat, "ptrace"},
	} {
		e := decode(t, check(func(r *record) { r.Syscall, r.Flags = test.nr, test.flags }))
		comment := qt.Commentf("%d %#x", test.nr, test.flags)
		want, nr := output.Null(), output.Null()
		if test.name != nil {
			want = output.Text(test.name.(string))
		}
		if test.nr >= 0 {
			nr = output.Int(int64(test.nr))
		}
		qt.Check(t, qt.Equals(field(t, e, "syscall"), want), comment)
		qt.Check(t, qt.Equals(field(t, e, "syscall_nr"), nr), comment)
	}
	// The same number is another call on 64 bits.
	e := decode(t, check(func(r *record) { r.Syscall, r.Flags = 23, 0 }))
	qt.Check(t, qt.Not(qt.Equals(e.syscall, "setuid")))
	qt.Check(t, qt.Not(qt.Equals(e.syscall, "")))
}

func TestDecodeCapability(t *testing.T) {
	for c, want := range map[int32]output.Value{
		0: output.Text("CAP_CHOWN"), 21: output.Text("CAP_SYS_ADMIN"), 40: output.Text("CAP_CHECKPOINT_RESTORE"),
		41: output.Null(), 63: output.Null(), -1: output.Null(), 1<<31 - 1: output.Null(), -1 << 31: output.Null(),
	} {
		e := decode(t, check(func(r *record) { r.Cap = c }))
		qt.Check(t, qt.Equals(field(t, e, "cap_name"), want), qt.Commentf("%d", c))
		qt.Check(t, qt.Equals(field(t, e, "cap"), output.Int(int64(c))))
	}
	for ret, want := range map[int32]bool{0: true, -1: false, -22: false, 1: false} {
		e := decode(t, check(func(r *record) { r.Ret = ret }))
		qt.Check(t, qt.Equals(field(t, e, "allowed"), output.Bool(want)), qt.Commentf("%d", ret))
		qt.Check(t, qt.Equals(field(t, e, "ret"), output.Int(int64(ret))))
	}
}

// TestDecodeTail: a container is found behind the stacks, whether or not they
// are asked for, and in a record without a tail there is none.
func TestDecodeTail(t *testing.T) {
	full := func(r *record) {
		r.kstack, r.ustack = []uint64{1, 2, 3}, string(make([]byte, 64))
		r.exe, r.container = []string{"ping", "bin"}, containerName
	}
	qt.Check(t, qt.Equals(decode(t, check(full)).ContainerID, containerID))
	e := decode(t, check(func(r *record) { full(r); r.plain = true }))
	qt.Check(t, qt.Equals(e.ContainerID, ""))
	qt.Check(t, qt.Equals(e.PID, 4242))
	qt.Check(t, qt.IsNil(e.kstack))
	qt.Check(t, qt.IsNil(e.ustack))
	qt.Check(t, qt.Equals(field(t, e, "kstack"), output.Null()))
	qt.Check(t, qt.Equals(field(t, e, "ustack"), output.Null()))
}

// TestDecodeShort cuts records of both kinds everywhere. Too short for its fixed
// part a record is an error; what is missing of the rest is missing.
func TestDecodeShort(t *testing.T) {
	h := tooltest.Host(t)
	raw := check(func(r *record) {
		r.kstack, r.ustack = []uint64{1, 2}, string(make([]byte, 32))
		r.exe, r.container = []string{"x"}, containerName
	}).bytes()
	for n := range raw {
		d := &decoder{kernel: new(symbol.Kernel), users: symbol.NewUsers()}
		e := new(event)
		err := d.decode(h, raw[:n:n], e)
		comment := qt.Commentf("%d bytes", n)
		if n < recordSize {
			qt.Check(t, qt.ErrorMatches(err, fmt.Sprintf(`decode record: %d bytes, want at least %d`, n, recordSize)), comment)
			continue
		}
		qt.Check(t, qt.IsNil(err), comment)
		qt.Check(t, qt.Equals(e.Cap, 13), comment)
		qt.Check(t, qt.IsTrue(e.ContainerID == "" || e.ContainerID == containerID), comment) // never a part of it
	}

	raw = subjectOf(7, "/usr/bin/ping", "/a.service", containerName).bytes()
	for n := range raw {
		d := &decoder{names: newSubjects()}
		err := d.decode(h, raw[:n:n], new(event))
		comment := qt.Commentf("%d bytes", n)
		if n < subjectSize+lengthSize {
			qt.Check(t, qt.ErrorMatches(err, fmt.Sprintf(`decode record: %d bytes, want at least \d+`, n)), comment)
			qt.Check(t, qt.HasLen(d.names.known, 0), comment)
			continue
		}
		qt.Check(t, qt.ErrorIs(err, trace.ErrNoEvent), comment)
		who := d.names.known[bpfSubject{CgroupId: 7171, Inode: 7}]
		qt.Check(t, qt.IsTrue(who.container == "" || who.container == containerID), comment)
	}
}

// TestDecodeLengths has lengths beyond the record, one at a time and all.
func TestDecodeLengths(t *testing.T) {
	h := tooltest.Host(t)
	offsets := []uintptr{unsafe.Offsetof(bpfCapRecord{}.KstackLen), unsafe.Offsetof(bpfCapRecord{}.UstackLen),
		unsafe.Offsetof(bpfCapRecord{}.ExeLen), unsafe.Offsetof(bpfCapRecord{}.ContainerLen)}
	for set := 1; set < 1<<len(offsets); set++ {
		raw := check(func(r *record) { r.kstack, r.exe, r.container = []uint64{1}, []string{"x"}, containerName }).bytes()
		for i, at := range offsets {
			if set&(1<<i) != 0 {
				binary.NativeEndian.PutUint16(raw[at:], 0xffff)
			}
		}
		e := new(event)
		d := &decoder{kernel: new(symbol.Kernel), users: symbol.NewUsers()}
		qt.Check(t, qt.IsNil(d.decode(h, raw[:len(raw):len(raw)], e)))
		qt.Check(t, qt.Equals(e.ContainerID == containerID, set == 8), qt.Commentf("%d", set)) // its own length is all that is wrong
	}
	raw := subjectOf(7, "/x", "/y", containerName).bytes()
	for _, at := range []uintptr{unsafe.Offsetof(bpfSubjectRecord{}.ExeLen), unsafe.Offsetof(bpfSubjectRecord{}.CgroupLen)} {
		binary.NativeEndian.PutUint16(raw[at:], 0xffff)
		d := &decoder{names: newSubjects()}
		qt.Check(t, qt.ErrorIs(d.decode(h, raw, new(event)), trace.ErrNoEvent))
		qt.Check(t, qt.HasLen(d.names.known, 1))
	}
}

// TestDecodeReuse: one event serves all records, and nothing of the one before
// stays in it.
func TestDecodeReuse(t *testing.T) {
	h, e := tooltest.Host(t), new(event)
	d := &decoder{kernel: new(symbol.Kernel), users: symbol.NewUsers()}
	unknown := binary.NativeEndian.AppendUint32(nil, 2) // an address
	qt.Assert(t, qt.IsNil(d.decode(h, check(func(r *record) {
		r.ustack, r.exe, r.container = string(append(unknown, make([]byte, 28)...)), []string{"x"}, containerName
	}).bytes(), e)))
	qt.Check(t, qt.HasLen(e.ustack, 1))
	qt.Assert(t, qt.IsNil(d.decode(h, check(func(r *record) { r.Head.Comm = [16]int8{} }).bytes(), e)))
	qt.Check(t, qt.HasLen(e.ustack, 0))
	qt.Check(t, qt.HasLen(e.kstack, 0))
	qt.Check(t, qt.HasLen(e.text, 0))
	qt.Check(t, qt.HasLen(e.Comm, 0))
	qt.Check(t, qt.Equals(e.ContainerID, ""))
	qt.Check(t, qt.Equals(e.syscall, ""))
}

// TestDecodeAllocates: a flood of events costs no garbage.
func TestDecodeAllocates(t *testing.T) {
	h, e := tooltest.Host(t), new(event)
	d := &decoder{kernel: new(symbol.Kernel)}
	raw := check(func(r *record) { r.kstack, r.container, r.Syscall = make([]uint64, 127), containerName, 105 }).bytes()
	qt.Assert(t, qt.Equals(testing.AllocsPerRun(1000, func() {
		if err := d.decode(h, raw, e); err != nil {
			t.Error(err)
		}
	}), 0))
}

// TestDecodeUnaligned: a ring's records begin at multiples of eight, a perf
// buffer's at four. The kernel pads them.
func TestDecodeUnaligned(t *testing.T) {
	h := tooltest.Host(t)
	raw := append(check(nil).bytes(), 1, 2, 3, 4)
	for shift := range 8 {
		b := append(make([]byte, shift), raw...)[shift:]
		e := new(event)
		qt.Assert(t, qt.IsNil(new(decoder).decode(h, b, e)))
		qt.Check(t, qt.Equals(e.PID, 4242))
		qt.Check(t, qt.Equals(e.TargetUserns, 4026531838))
	}
}

// TestDecodeKinds: only a profile takes records of subjects, and they are no
// events.
func TestDecodeKinds(t *testing.T) {
	h := tooltest.Host(t)
	raw := subjectOf(7, "/usr/bin/ping", "/system.slice/a.service", "").bytes()
	d := &decoder{names: newSubjects()}
	qt.Check(t, qt.ErrorIs(d.decode(h, raw, new(event)), trace.ErrNoEvent))
	qt.Check(t, qt.Equals(d.names.known[bpfSubject{CgroupId: 7171, Inode: 7}], subject{exe: "/usr/bin/ping", unit: "a.service"}))
	qt.Check(t, qt.IsNil(d.decode(h, check(nil).bytes(), new(event))))
	qt.Check(t, qt.HasLen(d.names.known, 1))
	qt.Check(t, qt.IsNil(new(decoder).decode(h, raw, new(event))))
}
