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
	tooltest.SetName(&r.Head.Comm, "nginx")
	r.Flags = flagAddr | flagPort | flagReuseaddr
	r.Family, r.Protocol, r.Port, r.Netns = unix.AF_INET, unix.IPPROTO_TCP, 80, 4026531840
	if edit != nil {
		edit(r)
	}
	return r
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
	tool, err := newTool(cfg, env)
	qt.Assert(t, qt.IsNil(err))
	return tooltest.Show(t, h, env, tool, allBytes(records)...)
}

func allBytes(records []*record) (all [][]byte) {
	for _, r := range records {
		all = append(all, r.bytes())
	}
	return all
}
