package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"unsafe"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/process"
	"github.com/ringside-tools/ringside/internal/trace"
)

// record is what the BPF programs put into a record.
type record struct {
	bpfConnectRecord
	container string
}

// attempt is one of curl to a web server, that succeeded.
func attempt(edit func(*record)) *record {
	r := new(record)
	r.Head.Kind = kindConnect
	r.Head.Pid, r.Head.Tid, r.Head.Ppid, r.Head.Uid = 2482, 2483, 1, 1000
	setName(&r.Head.Comm, "local_agent")
	r.Version = 4
	r.Saddr, r.Daddr = v4(10, 103, 219, 236), v4(10, 251, 148, 38)
	r.Sport, r.Dport = 40000, 7001
	r.Flags = flagSaddr | flagBlocking
	r.Result, r.LatencyNs, r.Netns = resultEstablished, 1_234_567, 4026531840
	if edit != nil {
		edit(r)
	}
	return r
}

// failure is an attempt that found no route.
func failure(edit func(*record)) *record {
	return attempt(func(r *record) {
		r.Saddr, r.Sport, r.LatencyNs = [16]uint8{}, 0, 0
		r.Flags = flagBlocking
		r.Result, r.Ret = resultUnreachable, -101
		if edit != nil {
			edit(r)
		}
	})
}

func v4(a, b, c, d uint8) [16]uint8 { return [16]uint8{a, b, c, d} }

func setName(dst *[16]int8, name string) {
	*dst = [16]int8{}
	for i := range min(len(name), len(dst)) {
		dst[i] = int8(name[i])
	}
}

// bytes lays the record out as the kernel sends it.
func (r *record) bytes() []byte {
	if r.container != "" {
		r.ContainerLen = uint16(len(r.container) + 1)
	}
	out := bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&r.bpfConnectRecord)), containerOffset))
	if r.container != "" {
		out = append(append(out, r.container...), 0)
	}
	return out
}

// host is a machine with a clock.
func host(t testing.TB) *trace.Host {
	t.Helper()
	clock, err := events.NewClock(true)
	qt.Assert(t, qt.IsNil(err))
	return &trace.Host{Clock: clock, Containers: process.NewContainers()}
}

// stamp is the kernel's time stamp of a moment in nanoseconds since 1970.
func stamp(h *trace.Host, unixNano int64) uint64 { return uint64(unixNano - h.Clock.Wall(0)) }

// moment is the time of events here, where it matters.
const moment = 1767323045123456789

// configure parses flags of the command, as a run does. Nothing is traced.
func configure(t testing.TB, args ...string) (*config, *command.Env) {
	t.Helper()
	cfg := new(config)
	c := commandOf(cfg)
	var env *command.Env
	var stderr bytes.Buffer
	c.Run = func(_ context.Context, e *command.Env) error {
		env = e
		return cfg.check()
	}
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
		w = output.NewJSON(&out, "tcpconnect", tool.Fields)
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
