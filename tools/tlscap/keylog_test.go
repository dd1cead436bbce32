package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/tooltest"
)

// derive is a derivation of TLS 1.3.
func derive(label string, out, key byte) *bpfDeriveRecord {
	r := new(bpfDeriveRecord)
	r.Head.Kind = kindDerive
	r.Label.Len = uint32(copy(r.Label.Data[:], label))
	r.Out.Len, r.Key.Len = 32, 32
	for i := range 32 {
		r.Out.Data[i], r.Key.Data[i], r.ClientRandom[i] = out, key, byte(i)
	}
	r.RandomLen = randomLen
	return r
}

func deriveBytes(r *bpfDeriveRecord) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(r)), deriveSize)
}

// TestSecrets: lines are written once each, an update has the side of the secret before it,
// and what is none, or has no client random, is not written.
func TestSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	k, err := openKeylog(path)
	qt.Assert(t, qt.IsNil(err))
	d := &decoder{probes: testProbes()}
	h := tooltest.Host(t)
	feed := func(r *bpfDeriveRecord) bool {
		var e event
		qt.Assert(t, qt.IsNil(d.decode(h, deriveBytes(r), &e)))
		return k.keep(&e)
	}
	qt.Check(t, qt.IsTrue(feed(derive("s ap traffic", 1, 0))))
	qt.Check(t, qt.IsFalse(feed(derive("s ap traffic", 1, 0)))) // the other end, on this machine
	qt.Check(t, qt.IsTrue(feed(derive("c ap traffic", 2, 0))))
	qt.Check(t, qt.IsTrue(feed(derive("traffic upd", 3, 1))))
	qt.Check(t, qt.IsTrue(feed(derive("traffic upd", 4, 3))))
	qt.Check(t, qt.IsFalse(feed(derive("traffic upd", 5, 99)))) // of a connection that was there before
	qt.Check(t, qt.IsFalse(feed(derive("finished", 6, 1))))
	zero := derive("c hs traffic", 7, 0)
	zero.ClientRandom = [32]uint8{}
	qt.Check(t, qt.IsFalse(feed(zero)))
	master := new(bpfDeriveRecord)
	master.Head.Kind, master.Seeds = kindDerive, 3
	master.Secret.Len, master.Seed[1].Len, master.Seed[2].Len = masterLen, randomLen, randomLen
	master.Seed[0].Len = uint32(copy(master.Seed[0].Data[:], keyExpansion))
	qt.Check(t, qt.IsTrue(feed(master)))
	qt.Check(t, qt.Equals(len(k.pending), 2))
	qt.Assert(t, qt.IsNil(k.ended()))
	text, err := os.ReadFile(path)
	qt.Assert(t, qt.IsNil(err))
	var labels []string
	for line := range strings.Lines(string(text)) {
		labels = append(labels, strings.Fields(line)[0]+" "+strings.Fields(line)[2][:2])
	}
	qt.Check(t, qt.DeepEquals(labels, []string{"SERVER_TRAFFIC_SECRET_0 01", "CLIENT_TRAFFIC_SECRET_0 02",
		"SERVER_TRAFFIC_SECRET_N 03", "SERVER_TRAFFIC_SECRET_N 04", "CLIENT_RANDOM 00"}))
}
