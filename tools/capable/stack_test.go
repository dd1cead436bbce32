package main

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

// frames are functions by name; "" has none.
func frames(names ...string) (out []symbol.Frame) {
	for i, n := range names {
		f := symbol.Frame{Offset: uint64(i + 1)}
		if n != "" {
			f.Name = []byte(n)
		}
		out = append(out, f)
	}
	return out
}

func functions(list []symbol.Frame) []string {
	out := []string{}
	for _, f := range list {
		out = append(out, string(f.Name))
	}
	return out
}

// TestWithoutOurs: our own programs and what runs them are not part of a stack,
// and all that asked is.
func TestWithoutOurs(t *testing.T) {
	list := func(names ...string) []string { return append([]string{}, names...) }
	for _, test := range []struct {
		what      string
		all, want []string
	}{
		{"nothing", nil, list()},
		{"fexit", list("bpf_prog_6deef7357e7b4530_check_returned", "bpf_trampoline_6442", "cap_capable", "ns_capable"), list("cap_capable", "ns_capable")},
		{"a program that is not listed", list("", "bpf_get_stack_raw_tp", "", "cap_capable", "capable"), list("cap_capable", "capable")},
		{"the tracepoint", list("bpf_prog_1_check_traced", "__bpf_trace_cap_capable", "cap_capable", "security_capable"), list("cap_capable", "security_capable")},
		{"what else runs us", list("bpf_prog_1_check_traced", "some_wrapper", "cap_capable", "security_capable"), list("cap_capable", "security_capable")},
		{"asked by a program", list("bpf_prog_1_check_returned", "cap_capable", "bpf_prog_9_theirs", "sock_ioctl"), list("cap_capable", "bpf_prog_9_theirs", "sock_ioctl")},
		{"kretprobe", list("kretprobe_trampoline", "security_capable", "ns_capable"), list("security_capable", "ns_capable")},
		{"rethook", list("arch_rethook_trampoline", "", "security_capable"), list("security_capable")},
		{"kretprobe, and further down what looks like ours", list("__kretprobe_trampoline", "security_capable", "bpf_token_capable", "bpf_prog_load"), list("security_capable", "bpf_token_capable", "bpf_prog_load")},
		{"kprobe at the entry", list("cap_capable", "capable"), list("cap_capable", "capable")},
		{"nothing has a name", list("", ""), list()},
		{"a longer name is not the hook's", list("bpf_prog_1", "cap_capable_helper", "capable"), list("cap_capable_helper", "capable")},
	} {
		qt.Check(t, qt.DeepEquals(functions(withoutOurs(frames(test.all...))), test.want), qt.Commentf("%s", test.what))
	}
}

// TestAppendFrames: text that grows keeps the frames before it.
func TestAppendFrames(t *testing.T) {
	e := new(event)
	for range 3 { // as for three records
		e.text, e.kstack, e.ustack = e.text[:0], e.kstack[:0], e.ustack[:0]
		e.kstack = e.appendFrames(e.kstack, frames("cap_capable", "ns_capable"))
		e.ustack = e.appendFrames(e.ustack, []symbol.Frame{{Name: []byte("socket"), Offset: 7, Module: []byte("/lib/libc.so.6"), User: true}, {Offset: 255}})
		qt.Check(t, qt.DeepEquals(texts(e.kstack), []string{"cap_capable+0x1", "ns_capable+0x2"}))
		qt.Check(t, qt.DeepEquals(texts(e.ustack), []string{"socket+0x7 (/lib/libc.so.6)", "[unknown] 0xff"}))
	}
	_ = append(e.kstack[0], "overwrites"...)
	qt.Check(t, qt.Equals(string(e.kstack[1]), "ns_capable+0x2"))

	// None is not the same as not asked for, from the first event on.
	qt.Check(t, qt.IsNotNil(new(event).appendFrames(nil, nil)))
}

// texts makes strings of slices, for messages.
func texts(list [][]byte) []string {
	out := []string{}
	for _, b := range list {
		out = append(out, string(b))
	}
	return out
}

// TestKernelStack has a stack of this kernel, as our hook sees one.
func TestKernelStack(t *testing.T) {
	k, err := symbol.ReadKernel()
	if errors.Is(err, symbol.ErrHidden) {
		t.Skip("kernel addresses are hidden here")
	}
	qt.Assert(t, qt.IsNil(err))
	at := func(name string) uint64 {
		for _, r := range k.Ranges(name) {
			if string(k.Frame(r.Start).Name) == name { // and not a part of it
				return r.Start + 1
			}
		}
		t.Skipf("this kernel has no %s", name)
		return 0
	}
	e := new(event)
	d := &decoder{kernel: k}
	h := tooltest.Host(t)
	raw := check(func(r *record) { r.kstack = []uint64{8, at("cap_capable"), at("ns_capable")} }).bytes()
	qt.Assert(t, qt.IsNil(d.decode(h, raw, e)))
	qt.Check(t, qt.DeepEquals(texts(e.kstack), []string{"cap_capable+0x1", "ns_capable+0x1"}))
	qt.Check(t, qt.Equals(testing.AllocsPerRun(1000, func() { _ = d.decode(h, raw, e) }), 0))
}

// TestUserStack has the stack of a process that is gone: what the kernel told of
// it stays.
func TestUserStack(t *testing.T) {
	var raw []byte
	for _, addr := range []uint64{0x7f0012345678, 0x1234} {
		raw = binary.NativeEndian.AppendUint32(raw, 2) // BPF_STACK_BUILD_ID_IP
		raw = append(raw, make([]byte, 20)...)
		raw = binary.NativeEndian.AppendUint64(raw, addr)
	}
	d := &decoder{users: symbol.NewUsers()}
	for _, test := range []struct {
		raw  []byte
		want []string
	}{
		{raw, []string{"[unknown] 0x7f0012345678", "[unknown] 0x1234"}},
		{raw[:32], []string{"[unknown] 0x7f0012345678"}},
		{raw[:31], []string{}},
		{append(make([]byte, 32), raw...), []string{}}, // ends at the first that is empty
		{nil, []string{}},
	} {
		e := new(event)
		qt.Assert(t, qt.IsNil(d.decode(tooltest.Host(t), check(func(r *record) {
			r.Head.Pid, r.ustack = 1<<22+1, string(test.raw)
		}).bytes(), e)))
		qt.Check(t, qt.DeepEquals(texts(e.ustack), test.want))
		qt.Check(t, qt.IsNil(e.kstack))
	}
}
