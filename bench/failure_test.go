package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

func TestReasonFor(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"traceback":     {&notRunning{reason: reasonIn("Traceback (most recent call last):\n  File \"x\"\nException: no | `such`\n\n")}, "does not run: `Exception: no / 'such'`"},
		"no headers":    {&notRunning{reason: reasonIn("Unable to find kernel headers. Try this.\nException: Failed to compile\n")}, "does not run: `Unable to find kernel headers`"},
		"no kprobes":    {&notRunning{reason: reasonIn("libbpf: prog 'x': failed to create kprobe 'y+0x0' perf event: No\nfailed: -2\n")}, "does not run: `failed to create kprobe 'y+0x0' perf event: No`"},
		"no field":      {&notRunning{reason: reasonIn("77: <invalid CO-RE relocation>\nfailed to resolve CO-RE relocation <byte_off> [77] struct x.y\nprocessed 65 insns\nfailed to load BPF object: -22\n")}, "does not run: `failed to resolve CO-RE relocation <byte_off> [77] struct x.y`"},
		"silent":        {&notRunning{reason: reasonIn("")}, "does not run: it says nothing"},
		"wrapped":       {fmt.Errorf("pipe: %w", &notRunning{reason: "x"}), "does not run: x"},
		"not there":     {fmt.Errorf("start: %w", os.ErrNotExist), "does not run: not installed"},
		"another error": {errors.New("wait: no event\nlast words"), "not measured: `last words`"},
		"long":          {errors.New(strings.Repeat("é", 200)), "not measured: `" + strings.Repeat("é", 120) + "…`"},
	} {
		t.Run(name, func(t *testing.T) {
			qt.Assert(t, qt.Equals(reasonFor(test.err), test.want))
		})
	}
}

// A command of ours that finds no feature says so with its exit code, and in its first line.
func TestWhyEnded(t *testing.T) {
	for name, test := range map[string]struct {
		script, want string
		lacks        bool
	}{
		"lacks": {"echo 'sh: no LSM' >&2; echo 'boot with lsm=bpf' >&2; exit 3", "does not run: `sh: no LSM`", true},
		"fails": {"echo 'sh: no LSM' >&2; echo 'boot with lsm=bpf' >&2; exit 1", "does not run: `boot with lsm=bpf`", false},
		"peer":  {"echo 'fatal' >&2; exit 3", "does not run: `fatal`", true},
	} {
		t.Run(name, func(t *testing.T) {
			p := shell(t, test.script)
			defer p.stderr.Close()
			for !p.exited() {
				time.Sleep(time.Millisecond)
			}
			why := p.whyEnded("")
			qt.Check(t, qt.Equals(why.Error(), test.want))
			qt.Check(t, qt.Equals(lacksFeature(why), test.lacks))
			_ = p.Wait() // its code is what is tested
		})
	}
}

// shell starts a script as a tool is.
func shell(t *testing.T, script string) *process {
	t.Helper()
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	qt.Assert(t, qt.IsNil(err))
	p := &process{Cmd: exec.Command("sh", "-c", script), cancel: func() {}, stderr: stderr}
	p.Cmd.Stderr = stderr
	qt.Assert(t, qt.IsNil(p.Start()))
	return p
}

// What a tool that does not end has said before is not the reason.
func TestStop(t *testing.T) {
	for name, test := range map[string]struct{ script, want string }{
		"ends":    {"trap 'exit 0' INT; echo one >&2; while :; do sleep 0.01; done", ""},
		"fails":   {"trap 'echo two >&2; exit 1' INT; echo one >&2; while :; do sleep 0.01; done", "not measured: `two`"},
		"hangs":   {"trap '' INT; echo one >&2; while :; do sleep 0.01; done", "not measured: `sh: still runs 300ms after Ctrl-C`"},
		"default": {"echo one >&2; while :; do sleep 0.01; done", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := shell(t, test.script)
			for said := ""; said == ""; time.Sleep(time.Millisecond) {
				text, err := os.ReadFile(p.stderr.Name())
				qt.Assert(t, qt.IsNil(err))
				said = string(text)
			}
			limit := time.Minute
			if name == "hangs" {
				limit = 300 * time.Millisecond
			}
			said, err := p.stop(limit)
			qt.Check(t, qt.StringContains(said, "one\n"))
			if test.want == "" {
				qt.Check(t, qt.IsNil(err))
			} else {
				qt.Check(t, qt.Equals(reasonFor(err), test.want))
			}
		})
	}
}
