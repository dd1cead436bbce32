package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestReasonFor(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"traceback":     {&notRunning{reasonIn("Traceback (most recent call last):\n  File \"x\"\nException: no | `such`\n\n")}, "does not run: `Exception: no / 'such'`"},
		"no headers":    {&notRunning{reasonIn("Unable to find kernel headers. Try this.\nException: Failed to compile\n")}, "does not run: `Unable to find kernel headers`"},
		"no kprobes":    {&notRunning{reasonIn("libbpf: prog 'x': failed to create kprobe 'y+0x0' perf event: No\nfailed: -2\n")}, "does not run: `failed to create kprobe 'y+0x0' perf event: No`"},
		"no field":      {&notRunning{reasonIn("77: <invalid CO-RE relocation>\nfailed to resolve CO-RE relocation <byte_off> [77] struct x.y\nprocessed 65 insns\nfailed to load BPF object: -22\n")}, "does not run: `failed to resolve CO-RE relocation <byte_off> [77] struct x.y`"},
		"silent":        {&notRunning{reasonIn("")}, "does not run: it says nothing"},
		"wrapped":       {fmt.Errorf("pipe: %w", &notRunning{"x"}), "does not run: x"},
		"not there":     {fmt.Errorf("start: %w", os.ErrNotExist), "does not run: not installed"},
		"another error": {errors.New("wait: no event\nlast words"), "not measured: `last words`"},
		"long":          {errors.New(strings.Repeat("é", 200)), "not measured: `" + strings.Repeat("é", 120) + "…`"},
	} {
		t.Run(name, func(t *testing.T) {
			qt.Assert(t, qt.Equals(reasonFor(test.err), test.want))
		})
	}
}
