package main

import (
	"bytes"
	"strings"
	"testing"
	"unsafe"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/tooltest"
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
	tooltest.SetName(&r.Head.Comm, "local_agent")
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
// moment is the time of events here, where it matters.
const moment = 1767323045123456789

// configure parses flags of the command. What it would run is not run.
func configure(t testing.TB, args ...string) (*config, *command.Env) {
	t.Helper()
	cfg := new(config)
	return cfg, tooltest.Configure(t, commandOf(cfg), func(*command.Env) error { return cfg.check() }, args...)
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
