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
		qt.Check(t, qt.IsNil(layouttest.Check[bpfBindRecord](types, "bind_record")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfPlace](types, "place")), qt.Commentf("%s", name))

		// The strings follow the record behind their length.
		qt.Check(t, qt.Equals(layouttest.DataOffset(t, types, "scratch", "rec", "strings"), stringsOffset), qt.Commentf("%s", name))
	}
}

// TestDefines checks the constants of the Go files against those of the C files.
func TestDefines(t *testing.T) {
	header, err := os.ReadFile("bindsnoop.h")
	qt.Assert(t, qt.IsNil(err))
	options, err := os.ReadFile("../../internal/bpf/sockopt.h")
	qt.Assert(t, qt.IsNil(err))
	inC := make(map[string]uint64)
	for _, m := range regexp.MustCompile(`(?m)^#define (\w+)\s+(\w+)`).FindAllStringSubmatch(string(header)+string(options), -1) {
		if n, err := strconv.ParseUint(m[2], 0, 32); err == nil {
			inC[m[1]] = n
		}
	}
	inGo := map[string]uint64{
		"KIND_BIND": kindBind, "KIND_LISTEN": kindListen, "COUNTS_MAX": countsMax,
		"F_FREEBIND": flagFreebind, "F_TRANSPARENT": flagTransparent, "F_NO_PORT": flagNoPort, "F_REUSEADDR": flagReuseaddr,
		"F_REUSEPORT": flagReuseport, "F_ADDR": flagAddr, "F_PORT": flagPort, "F_CHOSEN": flagChosen, "F_V6ONLY": flagV6only,
		"F_SOCKET_V6": flagSocketV6, "F_EXE": flagExe, "F_EXE_CUT": flagExeCut, "F_EXE_DETACHED": flagExeDetached, "F_BACKLOG": flagBacklog,
		"SOCKOPT_FREEBIND": flagFreebind, "SOCKOPT_TRANSPARENT": flagTransparent, "SOCKOPT_BIND_ADDRESS_NO_PORT": flagNoPort,
		"SOCKOPT_REUSEADDR": flagReuseaddr, "SOCKOPT_REUSEPORT": flagReuseport,
	}
	for name, n := range inGo {
		qt.Check(t, qt.Equals(inC[name], n), qt.Commentf("%s", name))
	}
	for name := range inC {
		if strings.HasPrefix(name, "F_") || strings.HasPrefix(name, "KIND_") || strings.HasPrefix(name, "SOCKOPT_") {
			_, ok := inGo[name]
			qt.Check(t, qt.IsTrue(ok), qt.Commentf("%s is not known in Go", name))
		}
	}
}
