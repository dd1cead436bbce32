package main

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unsafe"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
	"github.com/ringside-tools/ringside/internal/trace"
)

// record is what the BPF program puts into a record of a check.
type record struct {
	bpfCapRecord
	kstack    []uint64
	ustack    string   // bytes of struct bpf_stack_build_id
	exe       []string // components, leaf first
	container string
	plain     bool // sent without the length of struct buffer
}

// check is a ping that may open its socket: CAP_NET_RAW, granted, audited.
func check(edit func(*record)) *record {
	r := new(record)
	r.Head.Kind = kindCheck
	r.Head.Pid, r.Head.Tid, r.Head.Ppid = 4242, 4243, 4100
	r.Head.Uid, r.Head.Gid, r.Head.CgroupId = 1000, 1001, 7171
	tooltest.SetName(&r.Head.Comm, "ping")
	r.Cap = 13
	r.Syscall = -1
	r.Flags = flagAuditKnown | flagAudit | flagInsetidKnown
	r.CurrentUserns, r.TargetUserns = 4026531837, 4026531838
	if edit != nil {
		edit(r)
	}
	return r
}

// bytes lays the record out as send_plain and send_detailed do.
func (r *record) bytes() []byte {
	var data []byte
	for _, addr := range r.kstack {
		data = binary.NativeEndian.AppendUint64(data, addr)
	}
	r.KstackLen = uint16(len(data))
	data = append(data, r.ustack...)
	r.UstackLen = uint16(len(r.ustack))
	data = add(data, &r.ExeLen, r.exe...)
	if r.container != "" {
		data = add(data, &r.ContainerLen, r.container)
	}
	out := bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&r.bpfCapRecord)), recordSize))
	if r.plain {
		return out
	}
	return append(binary.NativeEndian.AppendUint32(out, uint32(len(data))), data...)
}

// add appends strings, each with its NUL, and tells their length.
func add(data []byte, length *uint16, parts ...string) []byte {
	before := len(data)
	for _, p := range parts {
		data = append(append(data, p...), 0)
	}
	*length = uint16(len(data) - before)
	return data
}

// names is a record with the names of a subject.
type names struct {
	bpfSubjectRecord
	exe, cgroup []string // leaf first
	container   string
}

// subjectOf names the subject with this inode: an executable in a cgroup.
func subjectOf(inode uint64, exe, cgroup, container string) *names {
	leafFirst := func(path string) (out []string) {
		for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
			out = append([]string{part}, out...)
		}
		return out
	}
	n := &names{exe: leafFirst(exe), cgroup: leafFirst(cgroup), container: container}
	n.Head.Kind = kindSubject
	n.Who = bpfSubject{CgroupId: 7171, Inode: inode}
	return n
}

// bytes lays the record out as send_subject does.
func (n *names) bytes() []byte {
	data := add(nil, &n.ExeLen, n.exe...)
	data = add(data, &n.CgroupLen, n.cgroup...)
	if n.container != "" {
		data = add(data, &n.ContainerLen, n.container)
	}
	out := bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&n.bpfSubjectRecord)), subjectSize))
	return append(binary.NativeEndian.AppendUint32(out, uint32(len(data))), data...)
}

// containerName is the name of a container's cgroup, and containerID its id.
var (
	containerID   = strings.Repeat("0123456789abcdef", 4)
	containerName = "docker-" + containerID + ".scope"
)

// decode decodes a record without names for its stacks.
func decode(t testing.TB, r *record) *event {
	t.Helper()
	e := new(event)
	qt.Assert(t, qt.IsNil(new(decoder).decode(tooltest.Host(t), r.bytes(), e)))
	return e
}

// configure parses flags of the command. What it would run is not run.
func configure(t testing.TB, args ...string) (*config, *command.Env) {
	t.Helper()
	cfg := new(config)
	return cfg, tooltest.Configure(t, commandOf(cfg), cfg.check, args...)
}

// show writes records as the command does with these flags.
func show(t testing.TB, h *trace.Host, flags string, records ...*record) string {
	t.Helper()
	cfg, env := configure(t, strings.Fields(flags)...)
	tool := newTool(cfg, env)
	return tooltest.Show(t, h, env, tool, allBytes(records)...)
}

// showEvent writes an event, whatever its record was, with a table's header.
func showEvent(t testing.TB, flags string, e *event) string {
	t.Helper()
	cfg, env := configure(t, strings.Fields(flags)...)
	tool := newTool(cfg, env)
	w, err := output.New(env.Stdout, env.Format, env.Name, tool.Fields, tool.Columns, tool.Below)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(w.Header()))
	qt.Assert(t, qt.IsNil(w.Event(e)))
	qt.Assert(t, qt.IsNil(w.Flush()))
	return env.Stdout.(*bytes.Buffer).String()
}

func allBytes(records []*record) (all [][]byte) {
	for _, r := range records {
		all = append(all, r.bytes())
	}
	return all
}
