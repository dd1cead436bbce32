package main

import (
	"bytes"
	"strings"
	"testing"
	"unsafe"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/tooltest"
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
	tooltest.SetName(&r.Head.Comm, "mkdir")
	tooltest.SetName(&r.ParentComm, "bash")
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
		tooltest.SetName(&r.Head.Comm, "bash")
		if edit != nil {
			edit(r)
		}
	})
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
// decode decodes a record in the given format.
func decode(t testing.TB, cfg *config, format string, r *record) *event {
	t.Helper()
	e := new(event)
	qt.Assert(t, qt.IsNil(decoder(cfg, format)(tooltest.Host(t), r.bytes(), e)))
	return e
}

// configure parses flags of the command. What it would run is not run.
func configure(t testing.TB, args ...string) (*config, *command.Env) {
	t.Helper()
	cfg := new(config)
	return cfg, tooltest.Configure(t, commandOf(cfg), nil, args...)
}

// show writes records as the command does with these flags: header, decoded, kept
// or not, formatted.
func show(t testing.TB, h *trace.Host, flags string, records ...*record) string {
	t.Helper()
	cfg, env := configure(t, strings.Fields(flags)...)
	tool := newTool(cfg, env)
	return tooltest.Show(t, h, env, tool, allBytes(records)...)
}

func allBytes(records []*record) (all [][]byte) {
	for _, r := range records {
		all = append(all, r.bytes())
	}
	return all
}

// texts makes strings of slices, for messages.
func texts(list [][]byte) []string {
	out := []string{}
	for _, b := range list {
		out = append(out, string(b))
	}
	return out
}
