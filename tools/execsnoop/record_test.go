package main

import (
	"bytes"
	"strings"
	"testing"
	"unsafe"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/process"
	"github.com/ringside-tools/ringside/internal/trace"
)

// record is what the BPF program puts into a record. Its strings are as in the
// kernel: exe and cwd are components, leaf first.
type record struct {
	bpfExecRecord
	filename, interp *string // nil could not be read, or is not there
	exe, cwd         []string
	container        string
	args             []string
	rawArgs          string // in place of args, without a NUL that is not there
}

// success is an exec as sched_process_exec sees it: mkdir -p ./main.
func success(edit func(*record)) *record {
	r := &record{
		filename: new("/bin/mkdir"),
		args:     []string{"mkdir", "-p", "./main"},
	}
	r.Head.Kind = kindExec
	r.Head.Pid, r.Head.Tid, r.Head.Ppid = 9662, 9662, 9660
	r.Head.Uid, r.Head.Gid, r.Euid = 1000, 1001, 1002
	setName(&r.Head.Comm, "mkdir")
	setName(&r.ParentComm, "bash")
	r.Dirfd = unix.AT_FDCWD
	r.Argc = 3
	if edit != nil {
		edit(r)
	}
	return r
}

// failure is an exec that found no file.
func failure(edit func(*record)) *record {
	return success(func(r *record) {
		r.Head.Kind = kindFail
		r.Ret = -int32(unix.ENOENT)
		setName(&r.Head.Comm, "bash")
		if edit != nil {
			edit(r)
		}
	})
}

func setName(dst *[16]int8, name string) {
	*dst = [16]int8{}
	for i := range min(len(name), len(dst)) {
		dst[i] = int8(name[i])
	}
}

// bytes lays the record out as end_record sends it: the fixed part, the length
// of the strings, the strings.
func (r *record) bytes() []byte {
	var data []byte
	add := func(length *uint16, parts ...string) {
		before := len(data)
		for _, p := range parts {
			data = append(append(data, p...), 0)
		}
		*length = uint16(len(data) - before)
	}
	if r.filename != nil {
		add(&r.FilenameLen, *r.filename)
	}
	if r.interp != nil {
		add(&r.InterpLen, *r.interp)
	}
	add(&r.ArgsLen, r.args...)
	if r.rawArgs != "" {
		data = append(data, r.rawArgs...)
		r.ArgsLen = uint16(len(r.rawArgs))
	}
	add(&r.ExeLen, r.exe...)
	add(&r.CwdLen, r.cwd...)
	if r.container != "" {
		add(&r.ContainerLen, r.container)
	}
	out := bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&r.bpfExecRecord)), recordSize))
	out = append(out, byte(len(data)), byte(len(data)>>8), 0, 0)
	return append(out, data...)
}

// host is a machine with a clock and the users of this one.
func host(t testing.TB) *trace.Host {
	t.Helper()
	clock, err := events.NewClock(true)
	qt.Assert(t, qt.IsNil(err))
	users, err := process.ReadUsers()
	qt.Assert(t, qt.IsNil(err))
	return &trace.Host{Clock: clock, Users: users, Containers: process.NewContainers()}
}

// stamp is the kernel's time stamp of a moment in nanoseconds since 1970.
func stamp(h *trace.Host, unixNano int64) uint64 { return uint64(unixNano - h.Clock.Wall(0)) }

// decode decodes a record in the given format.
func decode(t testing.TB, cfg *config, format string, r *record) *event {
	t.Helper()
	e := new(event)
	qt.Assert(t, qt.IsNil(decoder(cfg, format)(host(t), r.bytes(), e)))
	return e
}

// configure parses flags of the command. What it would run is not run.
func configure(t testing.TB, args ...string) (*config, *command.Env) {
	t.Helper()
	cfg := new(config)
	c := commandOf(cfg)
	var env *command.Env
	var stderr bytes.Buffer
	c.Run = commandRun(func(e *command.Env) { env = e })
	code := c.Execute(t.Context(), args, &stderr, &stderr)
	qt.Assert(t, qt.Equals(code, command.ExitOK), qt.Commentf("%q: %s", args, &stderr))
	return cfg, env
}

// show writes records as the command does with these flags: header, decoded,
// kept or not, formatted.
func show(t testing.TB, h *trace.Host, flags string, records ...*record) string {
	t.Helper()
	cfg, env := configure(t, strings.Fields(flags)...)
	tool := newTool(cfg, env)
	var out bytes.Buffer
	var w output.Writer[event]
	switch env.Format {
	case "json":
		w = output.NewJSON(&out, "execsnoop", tool.Fields)
	case "csv":
		w = output.NewCSV(&out, tool.Fields)
	default:
		var err error
		w, err = output.NewTable(&out, tool.Fields, tool.Columns, nil)
		qt.Assert(t, qt.IsNil(err))
	}
	qt.Assert(t, qt.IsNil(w.Header()))
	e := new(event) // one for all, as in a run
	for _, r := range records {
		qt.Assert(t, qt.IsNil(tool.Decode(h, r.bytes(), e)))
		if tool.Keep == nil || tool.Keep(e) {
			qt.Assert(t, qt.IsNil(w.Event(e)))
		}
	}
	qt.Assert(t, qt.IsNil(w.Flush()))
	return out.String()
}

// texts makes strings of slices, for messages.
func texts(list [][]byte) []string {
	out := []string{}
	for _, b := range list {
		out = append(out, string(b))
	}
	return out
}
