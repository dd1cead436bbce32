package main

import (
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/tc"
	"github.com/ringside-tools/ringside/internal/uprobe"
)

// chosen is what is attached differently on different rungs.
type chosen struct {
	multi   bool // many functions by one link
	loop    bool // a call is sent by bpf_loop
	packets tc.Attacher
}

// hooks are the ladders. What the rungs that are taken mean is written to c.
func hooks(cfg *config, c *chosen) []loader.Hook {
	hooks := []loader.Hook{{Name: "functions of libraries", Rungs: libraryRungs(cfg, c)}}
	switch cfg.mode {
	case modeText:
		hooks = append(hooks, socketHook)
	case modePcapng:
		whose := socketHook
		whose.Without = "whose packets are"
		hooks = append(append(hooks, whose), packetHooks(c)...)
	}
	return append(hooks, startHook)
}

// socketHook finds out which socket a call uses.
var socketHook = loader.Hook{
	Name: "sockets of connections",
	Rungs: []loader.Rung{
		{Name: "raw_tp", Attach: []loader.Attachment{{Program: "sock_sent"}, {Program: "sock_received"}}, // 6.3
			Costs: "some ten nanoseconds for every send and receive of any socket"},
		{Name: "fentry", Attach: []loader.Attachment{{Program: "send_asked"}, {Program: "receive_asked"}},
			Costs: "some ten nanoseconds for every send and receive of any socket"},
		{Name: "sys_enter", Attach: []loader.Attachment{{Program: "call_begins"}},
			Blind: []string{"which socket a connection of a 32-bit program is on"},
			Costs: "some ten nanoseconds for every system call of the machine"},
	},
	Optional: true,
	Without:  "which socket, and which addresses, a connection has",
}

// startHook tells of programs that start.
var startHook = loader.Hook{
	Name:     "programs that start",
	Rungs:    []loader.Rung{{Name: "raw_tp", Attach: []loader.Attachment{{Program: "image_executed"}}}},
	Optional: true,
	Without:  "libraries of programs that start later, until the next look at all processes",
}

// libraryRungs have the same programs.
func libraryRungs(cfg *config, c *chosen) []loader.Rung {
	var rungs []loader.Rung
	for _, multi := range []bool{true, false} {
		attach := []loader.Attachment{
			{Program: "tls_enter"}, {Program: leaveProgram(true)}, {Program: "tls_free"},
			{Program: "go_enter"}, {Program: goLeaveProgram(true)}, {Program: "go_close"},
		}
		if cfg.wantsSecrets() {
			attach = append(attach, loader.Attachment{Program: "derive_enter"}, loader.Attachment{Program: "derive_leave"}, loader.Attachment{Program: "secret_logged"},
				loader.Attachment{Program: "go_secret"})
		}
		if multi {
			rungs = append(rungs, loader.Rung{
				Name:   "uprobe_multi",
				Attach: attach,
				Try: func(k *preflight.Kernel) error {
					if err := tryRing(k); err != nil {
						return err
					}
					return k.CanUprobe(true)
				},
				Set: func(k *preflight.Kernel, spec *ebpf.CollectionSpec) error {
					c.multi, c.loop = true, true // which came earlier
					for _, a := range attach {
						spec.Programs[a.Program].AttachType = ebpf.AttachTraceUprobeMulti
					}
					return letSleep(k, spec)
				},
			})
			continue
		}
		attach = append(attach, loader.Attachment{Program: leaveProgram(false)}, loader.Attachment{Program: goLeaveProgram(false)})
		rungs = append(rungs, loader.Rung{
			Name:   "uprobe",
			Attach: attach,
			Blind:  []string{fmt.Sprintf("before 5.17, what a call carries beyond %d KiB; it is counted as lost", boundedCall>>10)},
			Needs:  []preflight.Need{{Cap: preflight.SysAdmin, Why: "attach uprobes by perf events, where the kernel demands that (2025 and later, with stable ones)", Running: true}},
			Try: func(k *preflight.Kernel) error {
				if err := tryRing(k); err != nil {
					return err
				}
				return k.CanUprobe(false)
			},
			Set: func(k *preflight.Kernel, spec *ebpf.CollectionSpec) error {
				c.loop = k.HasHelper(preflight.Loop)
				delete(spec.Programs, leaveProgram(!c.loop))
				delete(spec.Programs, goLeaveProgram(!c.loop))
				for _, name := range asks {
					if p := spec.Programs[name]; p != nil && !uprobe.HasCookies(k) {
						uprobe.SetCookie(p, 0) // it is not what will be attached, but it is loaded
					}
				}
				return letSleep(k, spec)
			},
		})
	}
	return rungs
}

// letSleep marks the programs that may wait for memory of the process, where the kernel knows such.
func letSleep(k *preflight.Kernel, spec *ebpf.CollectionSpec) error {
	if k.CanSleep() != nil {
		return nil
	}
	for _, name := range []string{leaveProgram(true), goLeaveProgram(true)} {
		if p := spec.Programs[name]; p != nil {
			p.Flags |= unix.BPF_F_SLEEPABLE
		}
	}
	return loader.SetConstant(spec, "may_sleep", true)
}

// boundedCall is how much of a call is sent without bpf_loop: (PIECES_BOUND+1) * PIECE_MAX.
const boundedCall = 25 * pieceMax

// leaveProgram is the one for the return of functions.
func leaveProgram(loop bool) string {
	if loop {
		return "tls_leave_loop"
	}
	return "tls_leave"
}

func goLeaveProgram(loop bool) string {
	if loop {
		return "go_leave_loop"
	}
	return "go_leave"
}

// tryRing refuses kernels before 5.8: a perf buffer cannot take what is read from a
// process without a copy that another task could overwrite.
func tryRing(k *preflight.Kernel) error {
	if !k.HasRingBuffer() {
		return fmt.Errorf("this kernel has no ring buffers (5.8)")
	}
	return nil
}
