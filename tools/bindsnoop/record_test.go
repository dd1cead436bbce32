package main

import (
	"bytes"
	"context"
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

// record is what the BPF program puts into a record. exe is as in the kernel:
// components, leaf first.
type record struct {
	bpfBindRecord
	exe       []string
	container string
}

// bound is a bind as the kernel sees it: nginx to 0.0.0.0:80.
func bound(edit func(*record)) *record {
	r := &record{}
	r.Head.Kind = kindBind
	r.Head.Pid, r.Head.Tid, r.Head.Ppid, r.Head.Uid = 9662, 9663, 9660, 1<<32-7
	setName(&r.Head.Comm, "nginx")
	r.Flags = flagAddr | flagPort | flagReuseaddr
	r.Family, r.Protocol, r.Port, r.Netns = unix.AF_INET, unix.IPPROTO_TCP, 80, 4026531840
	if edit != nil {
		edit(r)
	}
	return r
}

func setName(dst *[16]int8, name string) {
	*dst = [16]int8{}
	for i := range min(len(name), len(dst)) {
		dst[i] = int8(name[i])
	}
}

// bytes lays the record out as the program sends it: the fixed part, the length of
// the strings, the strings.
func (r *record) bytes() []byte {
	var data []byte
	for _, part := range r.exe {
		data = append(append(data, part...), 0)
	}
	r.ExeLen = uint16(len(data))
	if r.container != "" {
		data = append(append(data, r.container...), 0)
	}
	r.ContainerLen = uint16(len(data)) - r.ExeLen
	out := bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&r.bpfBindRecord)), recordSize))
	out = append(out, byte(len(data)), byte(len(data)>>8), 0, 0)
	return append(out, data...)
}

func host(t testing.TB) *trace.Host {
	t.Helper()
	clock, err := events.NewClock(true)
	qt.Assert(t, qt.IsNil(err))
	users, err := process.ReadUsers()
	qt.Assert(t, qt.IsNil(err))
	return &trace.Host{Clock: clock, Users: users, Containers: process.NewContainers()}
}

// configure parses flags of the command. What it would run is not run.
func configure(t testing.TB, args ...string) (*config, *command.Env) {
	t.Helper()
	cfg := new(config)
	c := commandOf(cfg)
	var env *command.Env
	var stderr bytes.Buffer
	c.Run = func(_ context.Context, e *command.Env) error { env = e; return nil }
	code := c.Execute(t.Context(), args, &stderr, &stderr)
	qt.Assert(t, qt.Equals(code, command.ExitOK), qt.Commentf("%q: %s", args, &stderr))
	return cfg, env
}

// show writes records as the command does with these flags: header, decoded, kept
// or not, formatted.
func show(t testing.TB, h *trace.Host, flags string, records ...*record) string {
	t.Helper()
	cfg, env := configure(t, strings.Fields(flags)...)
	tool, err := newTool(cfg, env)
	qt.Assert(t, qt.IsNil(err))
	var out bytes.Buffer
	var w output.Writer[event]
	switch env.Format {
	case "json":
		w = output.NewJSON(&out, "bindsnoop", tool.Fields)
	case "csv":
		w = output.NewCSV(&out, tool.Fields)
	default:
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
