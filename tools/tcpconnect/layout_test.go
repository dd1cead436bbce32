package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/dns"
	"github.com/ringside-tools/ringside/internal/layouttest"
	"github.com/ringside-tools/ringside/internal/trace"
)

// TestLayout checks that Go and C mean the same bytes, in the objects of all
// architectures.
func TestLayout(t *testing.T) {
	for name, types := range layouttest.Objects(t, loadBpf) {
		qt.Check(t, qt.IsNil(layouttest.Check[trace.RecordHead](types, "record_head")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfConnectRecord](types, "connect_record")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfCountKey](types, "count_key")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[netKey](types, "net_key")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[dns.Record](types, "dns_record")), qt.Commentf("%s", name))
	}
	// What is sent has no holes: it ends in the name.
	size := unsafe.Sizeof(trace.RecordHead{}) + 8 + 3*4 + 2*2 + 2*16 + 2*1 + 2
	qt.Check(t, qt.Equals(unsafe.Offsetof(bpfConnectRecord{}.Container), size))
}

// TestDefines checks the constants of the Go files against those of C, in both
// directions: flagBlocking is F_BLOCKING, kindConnect is KIND_CONNECT.
func TestDefines(t *testing.T) {
	b, err := os.ReadFile("tcpconnect.h")
	qt.Assert(t, qt.IsNil(err))
	inC := make(map[string]uint64)
	for _, m := range regexp.MustCompile(`(?m)^#define (F|KIND|RESULT|COUNTS)_(\w+)\s+(\w+)`).FindAllStringSubmatch(string(b), -1) {
		n, err := strconv.ParseUint(m[3], 0, 32)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", m[0]))
		prefix := map[string]string{"F": "flag", "KIND": "kind", "RESULT": "result", "COUNTS": "counts"}[m[1]]
		inC[prefix+strings.ReplaceAll(m[2], "_", "")] = n
	}
	delete(inC, "flagCLOSED") // never leaves the kernel's map but by the end of tracing

	inGo := make(map[string]uint64)
	for _, name := range []string{"event.go", "tcpconnect.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		qt.Assert(t, qt.IsNil(err))
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 {
				return true
			}
			lit, ok := spec.Values[0].(*ast.BasicLit)
			name := spec.Names[0].Name
			for _, prefix := range []string{"flag", "kind", "result", "counts"} {
				if rest, has := strings.CutPrefix(name, prefix); ok && has {
					v, err := strconv.ParseUint(lit.Value, 0, 32)
					qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", name))
					inGo[prefix+strings.ToUpper(rest)] = v
				}
			}
			return true
		})
	}
	qt.Assert(t, qt.IsTrue(len(inC) > 13))
	qt.Assert(t, qt.DeepEquals(inGo, inC))
	qt.Check(t, qt.Equals(len(results), resultError+1))
}
