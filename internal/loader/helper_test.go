package loader

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"
)

// fakeKernel is a kernel that has just what is listed.
type fakeKernel struct {
	functions   []string
	tracepoints []string
	vague       []string // functions whose type information does not do
	refuses     error    // of every try to attach
	probes      []string // functions that take a kprobe
	tried       []string
	preemptible bool
}

func (k *fakeKernel) HasFunction(name string) bool   { return slices.Contains(k.functions, name) }
func (k *fakeKernel) HasTracepoint(name string) bool { return slices.Contains(k.tracepoints, name) }

func (k *fakeKernel) Traceable(name string) error {
	switch {
	case !k.HasFunction(name):
		return fmt.Errorf("no function %s", name)
	case slices.Contains(k.vague, name):
		return fmt.Errorf("function %s is vague", name)
	}
	return nil
}

func (k *fakeKernel) CanTrace(name string) error {
	if err := k.Traceable(name); err != nil {
		return err
	}
	k.tried = append(k.tried, name)
	return k.refuses
}

func (k *fakeKernel) CanProbe(name string) error {
	if !slices.Contains(k.probes, name) {
		return fmt.Errorf("no probe on %s", name)
	}
	return nil
}

func (k *fakeKernel) CanFilterCgroup(string) error { return k.refuses }

func (k *fakeKernel) Preemptible() bool { return k.preemptible }

var errRefused = errors.New("operation not supported")

// kinds are the programs of the ladders under test.
var kinds = map[string]Kind{
	"enter":   {Tracing, "execve"},
	"exit":    {Tracing, "execve"},
	"exit_at": {Tracing, "execveat"},
	"tp_a":    {RawTracepoint, "sys_enter"},
	"tp_b":    {RawTracepoint, "sys_exit"},
	"probe":   {Other, "kprobe/x"},
	"kp":      {Kprobe, "cap_capable"},
	"krp":     {Kretprobe, "cap_capable"},
	"skb":     {CgroupIngress, "ingress"},
}

// object is a real object, of the command with the longest ladder.
func object(t *testing.T) *ebpf.CollectionSpec {
	t.Helper()
	spec, err := ebpf.LoadCollectionSpec("../../tools/execsnoop/bpf_x86_bpfel.o")
	qt.Assert(t, qt.IsNil(err))
	return spec
}
