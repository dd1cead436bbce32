package vm

import (
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestQEMUArgs(t *testing.T) {
	for _, k := range Matrix {
		img := &Image{Kernel: k, Dir: "/cache/k"}
		args := strings.Join((&Guest{Image: img, Cmdline: "quiet"}).qemuArgs(machines[k.Arch], "/tmp/i", 1024, channels{"/tmp/a,b", "/dev/fd/3", "/tmp/s"}), " ")
		qt.Check(t, qt.StringContains(args, "-accel tcg,thread=single"))
		qt.Check(t, qt.Not(qt.StringContains(args, "kvm")))
		qt.Check(t, qt.StringContains(args, "-kernel /cache/k/vmlinuz -initrd /tmp/i"))
		qt.Check(t, qt.StringContains(args, "path=/tmp/a,,b"))
		qt.Check(t, qt.StringContains(args, strings.TrimSpace(k.Cmdline+" quiet")))
	}
	counted := (&Guest{Image: &Image{}, Counted: true}).qemuArgs(machines["amd64"], "/tmp/i", 1024, channels{})
	qt.Check(t, qt.StringContains(strings.Join(counted, " "), "-smp 1 -icount shift=0,sleep=off"))
	t.Setenv("RINGSIDE_KVM", "1")
	qt.Check(t, qt.DeepEquals(accel(), []string{"-accel", "kvm"}))
}

func TestGuestMemory(t *testing.T) {
	qt.Check(t, qt.Equals((&Guest{}).memory(10<<20), 1024))
	qt.Check(t, qt.Equals((&Guest{}).memory(500<<20), 1768))
	qt.Check(t, qt.Equals((&Guest{Memory: 256}).memory(500<<20), 256))
}
