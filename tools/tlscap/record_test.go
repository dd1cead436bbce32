package main

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/tlscap/library"
)

// record is what the BPF program puts into a record.
type record struct {
	bpfTlsRecord
	data []byte
}

// piece is a write of curl as the kernel sees it.
func piece(text string, edit func(*record)) *record {
	r := &record{data: []byte(text)}
	r.Head.Kind = kindPiece
	r.Head.Pid, r.Head.Tid, r.Head.Ppid, r.Head.Uid = 9662, 9663, 9660, 1<<32-7
	tooltest.SetName(&r.Head.Comm, "curl")
	r.Object, r.BornNs = 0x5555aaaa, 17
	r.Dir, r.Total, r.Fd = dirWrite, uint32(len(text)), 5
	r.Flags, r.Family = flagSocket, unix.AF_INET
	r.Local.Addr, r.Local.Port = [16]uint8{127, 0, 0, 1}, 43784
	r.Remote.Addr, r.Remote.Port = [16]uint8{127, 0, 0, 1}, 443
	if edit != nil {
		edit(r)
	}
	return r
}

func (r *record) bytes() []byte {
	r.Len = uint32(len(r.data))
	out := bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&r.bpfTlsRecord)), recordSize))
	return append(append(out, r.data...), "what was in the ring before"...)
}

// configure parses flags of the command. What it would run is not run.
func configure(t testing.TB, args ...string) (*config, *command.Env) {
	t.Helper()
	cfg := new(config)
	return cfg, tooltest.Configure(t, commandOf(cfg), nil, args...)
}

// show writes records as the command does with these flags.
func show(t testing.TB, h *trace.Host, flags string, records ...[]byte) string {
	t.Helper()
	cfg, env := configure(t, strings.Fields(flags)...)
	tool, err := newTool(cfg, env)
	qt.Assert(t, qt.IsNil(err))
	w, err := output.New(env.Stdout, env.Format, env.Name, tool.Fields, tool.Columns, tool.Below)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(w.Header()))
	var e event
	for _, raw := range records {
		qt.Assert(t, qt.IsNil(tool.Decode(h, raw, &e)))
		qt.Assert(t, qt.IsNil(tool.Expand(&e, w.Event)))
	}
	if tool.Rest != nil {
		qt.Assert(t, qt.IsNil(tool.Rest(true, w.Event)))
	}
	qt.Assert(t, qt.IsNil(w.Flush()))
	return env.Stdout.(*bytes.Buffer).String()
}

// testProbes makes the number 0 of records a function.
func testProbes() *probes {
	p := new(probes)
	p.add(probe{library: "/usr/lib/libssl.so.3", function: library.Function{Name: "SSL_write", Kind: library.Write}})
	return p
}

// TestUnfilled: what only one mode fills is small in the others, and whole in its own.
func TestUnfilled(t *testing.T) {
	for args, small := range map[string]string{
		"":                            "deriving layouts openings owners packet_interfaces",
		"--mode keylog --keylog-file": "openings owners packet_interfaces",
		"--mode pcapng --pcap-file":   "",
	} {
		if args != "" {
			args += " " + filepath.Join(t.TempDir(), "file")
		}
		cfg, env := configure(t, strings.Fields(args)...)
		qt.Assert(t, qt.IsNil(cfg.resolve(env)))
		before, err := loadBpf()
		qt.Assert(t, qt.IsNil(err))
		after := before.Copy()
		qt.Assert(t, qt.IsNil(setConstants(after, cfg, newAttacher(cfg, env, new(chosen)))))
		var names []string
		for name, m := range after.Maps {
			if m.MaxEntries != before.Maps[name].MaxEntries {
				qt.Check(t, qt.Equals(m.MaxEntries, 1), qt.Commentf("%s: %s", args, name))
				names = append(names, name)
			}
		}
		slices.Sort(names)
		qt.Check(t, qt.Equals(strings.Join(names, " "), small), qt.Commentf("%s", args))
	}
}
