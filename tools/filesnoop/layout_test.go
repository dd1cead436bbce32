package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/layouttest"
	"github.com/ringside-tools/ringside/internal/trace"
)

// TestLayout checks that Go and C mean the same bytes, in the objects of all
// architectures.
func TestLayout(t *testing.T) {
	for name, types := range layouttest.Objects(t, loadBpf) {
		qt.Check(t, qt.IsNil(layouttest.Check[trace.RecordHead](types, "record_head")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfFileRecord](types, "file_record")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfCallDesc](types, "call_desc")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfShape](types, "shape")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfPrefix](types, "prefix")), qt.Commentf("%s", name))

		// The strings follow the record behind their length.
		qt.Check(t, qt.Equals(layouttest.DataOffset(t, types, "scratch", "rec", "strings"), stringsOffset), qt.Commentf("%s", name))
	}
}

// TestDefines checks the constants of the Go files against those of the C files.
func TestDefines(t *testing.T) {
	header, err := os.ReadFile("filesnoop.h")
	qt.Assert(t, qt.IsNil(err))
	inC := make(map[string]uint64)
	for _, m := range regexp.MustCompile(`(?m)^#define (\w+)\s+(\w+)`).FindAllStringSubmatch(string(header), -1) {
		if n, err := strconv.ParseUint(m[2], 0, 32); err == nil {
			inC[m[1]] = n
		}
	}
	inGo := map[string]uint64{
		"F_PATH": flagPath, "F_PATH_CUT": flagPathCut, "F_PATH_DETACHED": flagPathDetached, "F_BASE": flagBase,
		"F_PATH2": flagPath2, "F_PATH2_CUT": flagPath2Cut, "F_PATH2_DETACHED": flagPath2Detached, "F_BASE2": flagBase2,
		"F_NAME": flagName, "F_NAME2": flagName2, "F_UNREADABLE": flagUnreadable, "F_EXE": flagExe, "F_EXE_CUT": flagExeCut,
		"F_EXE_DETACHED": flagExeDetached, "F_INODE": flagInode, "F_OPEN_FLAGS": flagOpenFlags, "F_SIZE": flagSize, "F_FD": flagFd,
		"F_DETAILS": flagDetails, "F_KERNEL": flagKernel, "CALLS_MAX": callsMax, "SAMPLE_MAX": sampleMost, "SAMPLE_LEAST": sampleLeast, "PREFIXES": prefixesMax, "PREFIX_WORDS": (prefixMax + 1) / bytesPerWord,
	}
	for name, n := range inGo {
		qt.Check(t, qt.Equals(inC[name], n), qt.Commentf("%s", name))
	}
	for name := range inC {
		if strings.HasPrefix(name, "F_") {
			_, ok := inGo[name]
			qt.Check(t, qt.IsTrue(ok), qt.Commentf("%s is not known in Go", name))
		}
	}
	_, list, _ := strings.Cut(string(header), "enum op {")
	list, _, _ = strings.Cut(list, "};")
	ops := regexp.MustCompile(`(?m)^\tOP_(\w+),`).FindAllStringSubmatch(list, -1)
	qt.Assert(t, qt.Equals(len(ops), len(opNames)))
	for i, m := range ops[1:] {
		qt.Check(t, qt.Equals(strings.ToLower(m[1]), opNames[i+1]))
	}
}
