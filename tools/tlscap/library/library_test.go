package library

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/go-quicktest/qt"
)

// TestPrograms: what is no library of TLS is told as such, and what is no program as that.
func TestPrograms(t *testing.T) {
	own, err := os.ReadFile("/proc/self/exe")
	qt.Assert(t, qt.IsNil(err))
	_, err = Inspect(bytes.NewReader(own), int64(len(own)))
	qt.Check(t, qt.IsTrue(errors.Is(err, ErrNothing)), qt.Commentf("%v", err))
	_, err = Inspect(bytes.NewReader([]byte("#!/bin/sh\n")), 10)
	qt.Check(t, qt.ErrorMatches(err, "read ELF file: .*"))
	qt.Check(t, qt.IsFalse(errors.Is(err, ErrNothing)))
}

// TestKinds: the numbers are those of the BPF programs, which are constants there.
func TestKinds(t *testing.T) {
	for kind, want := range map[Kind]Kind{Read: 1, ReadEx: 2, Write: 3, WriteEx: 4, WriteEx2: 5, Peek: 6, PeekEx: 7, Sendfile: 8, Handshake: 9, Recv: 10} {
		qt.Check(t, qt.Equals(kind, want))
	}
	for name, f := range functions {
		qt.Check(t, qt.IsTrue(len(name) <= maxName), qt.Commentf("%s", name))
		qt.Check(t, qt.IsTrue(f.kind > 0 && f.kind <= 0xff), qt.Commentf("%s", name))
	}
}

// FuzzInspect: whatever a file has, it is looked into without harm.
func FuzzInspect(f *testing.F) {
	own, err := os.ReadFile("/proc/self/exe")
	qt.Assert(f, qt.IsNil(err))
	f.Add(own[:4096])
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if lib, err := Inspect(bytes.NewReader(data), int64(len(data))); err == nil {
			for _, fn := range lib.Functions {
				qt.Assert(t, qt.IsTrue(fn.Offset < uint64(len(data))))
			}
		}
	})
}
