package events

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/layouttest"
)

// TestCountersLayout checks the counters against those of an object; all
// commands have the same.
func TestCountersLayout(t *testing.T) {
	for _, object := range []string{"bpf_x86_bpfel.o", "bpf_arm64_bpfel.o"} {
		spec, err := ebpf.LoadCollectionSpec("../../tools/execsnoop/" + object)
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.IsNil(layouttest.Check[perCPU](spec.Types, "counters")), qt.Commentf("%s", object))

		m, ok := spec.Maps[CountersMap]
		qt.Assert(t, qt.IsTrue(ok))
		qt.Check(t, qt.Equals(m.Type, ebpf.PerCPUArray))
	}
}
