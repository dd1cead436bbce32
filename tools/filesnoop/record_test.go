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

// record is what the BPF program puts into a record.
type record struct {
	bpfFileRecord
	name, path, name2, path2, exe, container, sample string
}

// seen is an event as the kernel sees it: cat opens /etc/passwd.
func seen(o op, edit func(*record)) *record {
	r := &record{}
	r.Head.Kind = uint32(o)
	r.Head.Pid, r.Head.Tid, r.Head.Ppid, r.Head.Uid = 9662, 9663, 9660, 1<<32-7
	for i, c := range []byte("cat") {
		r.Head.Comm[i] = int8(c)
	}
	r.path, r.Flags, r.Fd = "/etc/passwd", flagPath, -1
	if edit != nil {
		edit(r)
	}
	return r
}

// opened is an open that succeeded.
func opened(edit func(*record)) *record {
	return seen(opOpen, func(r *record) {
		r.name, r.Ret, r.Fd, r.OpenFlags = "passwd", 3, 3, unix.O_RDONLY|unix.O_CLOEXEC
		r.Flags |= flagName | flagFd | flagOpenFlags | flagInode
		r.Inode, r.Dev, r.Size, r.FileMode = 77, 8<<20|1, 1234, unix.S_IFREG|0o644
		if edit != nil {
			edit(r)
		}
	})
}

// bytes lays the record out as the program sends it: the fixed part, the length of
// the strings, the strings.
func (r *record) bytes() []byte {
	var data []byte
	for _, s := range []struct {
		text string
		len  *uint16
	}{{r.name, &r.NameLen}, {r.path, &r.PathLen}, {r.name2, &r.Name2Len}, {r.path2, &r.Path2Len}, {r.exe, &r.ExeLen}, {r.container, &r.ContainerLen}, {r.sample, &r.SampleLen}} {
		data = append(data, s.text...)
		*s.len = uint16(len(s.text))
	}
	out := bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&r.bpfFileRecord)), recordSize))
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
	out := tooltest.Show(t, h, env, tool, allBytes(records)...)
	if cfg.ended != nil { // rows that it adds up
		qt.Assert(t, qt.IsNil(cfg.ended()))
		return env.Stdout.(*bytes.Buffer).String()
	}
	return out
}

func allBytes(records []*record) (all [][]byte) {
	for _, r := range records {
		all = append(all, r.bytes())
	}
	return all
}
