package main

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/guard/engine"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// enforcer is what holds policies in force: an [engine.Manager], and in tests
// something that needs no kernel.
type enforcer interface {
	AttachFor(policies ...*policy.Policy) error
	Set(policies ...*policy.Policy) error
	Alerts() <-chan engine.Alert
	Counters() (seen, lost uint64, err error)
	Skipped() uint64
	Pin(dir string) error
	Protect() error
	Close() error
}

// machine is what a run needs of the machine that it runs on.
type machine struct {
	privileged func() error
	probe      func(btf string) (policy.Kernel, error)
	open       func(engine.Options) (enforcer, error)
	drop       func() error // the capabilities that are not needed any more
	system     policy.System
	mntns      func() uint64 // the initial mount namespace; 0 where it is not known
	pins       pins
}

// pins is what there is to do with policies that are pinned in a directory.
type pins struct {
	free   func(dir string) error // nil where a run can pin there
	may    func([]preflight.Need) error
	status func(dir string) (*engine.Status, error)
	remove func(dir string) (*engine.Status, error)
	signal func(pid int, s syscall.Signal) error
}

// thisMachine is the real one.
func thisMachine() machine {
	return machine{
		privileged: privileged,
		probe:      engine.Probe,
		open: func(o engine.Options) (enforcer, error) {
			m, err := engine.New(o)
			if err != nil {
				return nil, err
			}
			return m, nil
		},
		drop:   drop,
		system: policy.Root("/"),
		mntns:  initialMountNS,
		pins: pins{
			free:   engine.CheckPins,
			may:    func(needs []preflight.Need) error { return preflight.Capabilities("guard", needs) },
			status: engine.PinnedStatus,
			remove: engine.Unpin,
			signal: syscall.Kill,
		},
	}
}

// initialMountNS is that of process 1, as far as we see it.
func initialMountNS() uint64 {
	var st unix.Stat_t
	if unix.Stat("/proc/1/ns/mnt", &st) != nil && unix.Stat("/proc/self/ns/mnt", &st) != nil {
		return 0
	}
	return st.Ino
}

// needs are the capabilities of guard run and guard learn. All are kept: a new policy
// takes new programs, and looks at files again.
func needs() []preflight.Need {
	needs := trace.BaseNeeds()
	needs = append(needs, preflight.Need{Cap: preflight.DacReadSearch, Why: "look at the files that policies name"})
	for i := range needs {
		needs[i].Running = true
	}
	return needs
}

// privileged says what is missing, also of what kernels before 5.11 want for maps.
func privileged() error {
	if err := preflight.Capabilities("guard", needs()); err != nil {
		return err
	}
	if _, err := preflight.RaiseMemlock(); errors.Is(err, unix.EPERM) {
		return &preflight.MissingCapability{Command: "guard", Missing: []preflight.Need{preflight.MemlockNeed}, Set: append(needs(), preflight.MemlockNeed)}
	} else if err != nil {
		return err
	}
	return nil
}

func drop() error {
	var keep preflight.Set
	for _, n := range needs() {
		keep = keep.With(n.Cap)
	}
	return preflight.Drop(keep)
}

// modes are the ways to run that differ in what they need.
func modes() []trace.Mode {
	return []trace.Mode{
		{Name: "run, learn", Needs: needs(), Hooks: []loader.Hook{{Name: "security hooks", Rungs: []loader.Rung{{Name: "lsm"}}}}},
	}
}

// begin opens the enforcer, when all that could be wrong with flags and policies is told.
func (m *machine) begin(env *command.Env) (enforcer, error) {
	defer loader.WhileLoading()()
	if _, err := preflight.Inspect(env.BTF); err != nil {
		return nil, &command.UsageError{Err: fmt.Errorf("--btf: %w", err)}
	}
	if err := m.privileged(); err != nil {
		return nil, err
	}
	e, err := m.open(engine.Options{BTF: env.BTF, Buffer: env.Buffer})
	if err != nil {
		return nil, refused(err)
	}
	return e, nil
}

// refused says what it means that the kernel loads no program of a security hook,
// although the privileges for it are there.
func refused(err error) error {
	var feature *preflight.MissingFeature
	if errors.As(err, &feature) || !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return &preflight.MissingFeature{Feature: "BPF programs on security hooks", Err: err, Fix: "use a kernel with CONFIG_BPF_LSM=y, and bpf in lsm= on its command line"}
}
