package main

import (
	"fmt"
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

	"github.com/ringside-tools/ringside/internal/layouttest"
	"github.com/ringside-tools/ringside/internal/trace"
)

// TestLayout checks that Go and C mean the same bytes, in the objects of all
// architectures.
func TestLayout(t *testing.T) {
	for name, types := range layouttest.Objects(t, loadBpf) {
		qt.Check(t, qt.IsNil(layouttest.Check[trace.RecordHead](types, "record_head")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfExecRecord](types, "exec_record")), qt.Commentf("%s", name))

		// The strings follow the record behind their length.
		qt.Check(t, qt.Equals(layouttest.DataOffset(t, types, "scratch", "", "strings"), stringsOffset), qt.Commentf("%s", name))
	}
	qt.Check(t, qt.Equals(unsafe.Offsetof(bpfExecRecord{}.Head), 0))
}

// TestDefines checks the constants of event.go against those of the C file, in
// both directions: flagArgsCut is F_ARGS_CUT, kindExec is KIND_EXEC.
func TestDefines(t *testing.T) {
	inC := make(map[string]uint64)
	text := source(t)
	for _, m := range regexp.MustCompile(`(?m)^#define (F|KIND)_(\w+)\s+(\w+)`).FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseUint(m[3], 0, 32)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", m[0]))
		prefix := map[string]string{"F": "flag", "KIND": "kind"}[m[1]]
		inC[prefix+strings.ReplaceAll(m[2], "_", "")] = n
	}
	// User space sees that a filename could not be read by its absence.
	delete(inC, "flagFILENAMEUNREADABLE")

	inGo := make(map[string]uint64)
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	qt.Assert(t, qt.IsNil(err))
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 {
			return true
		}
		lit, ok := spec.Values[0].(*ast.BasicLit)
		name := spec.Names[0].Name
		if ok && (strings.HasPrefix(name, "flag") || strings.HasPrefix(name, "kind")) {
			v, err := strconv.ParseUint(lit.Value, 0, 32)
			qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", name))
			inGo[name[:4]+strings.ToUpper(name[4:])] = v
		}
		return true
	})
	qt.Assert(t, qt.IsTrue(len(inC) > 10))
	qt.Assert(t, qt.DeepEquals(inGo, inC))

	seen := uint64(0)
	for name, v := range inC {
		if strings.HasPrefix(name, "flag") {
			qt.Check(t, qt.Equals(v&(v-1), 0), qt.Commentf("%s is more than a bit", name))
			qt.Check(t, qt.Equals(seen&v, 0), qt.Commentf("%s has the bit of another", name))
			seen |= v
		}
	}
}

// TestDocumentedLimits checks numbers that the documentation quotes from C.
func TestDocumentedLimits(t *testing.T) {
	m := regexp.MustCompile(`(?m)^#define ARGV_MAX (\d+)`).FindStringSubmatch(source(t))
	qt.Assert(t, qt.HasLen(m, 2))
	max, err := strconv.Atoi(m[1])
	qt.Assert(t, qt.IsNil(err))
	for _, f := range fields {
		if f.Name == "argc" {
			qt.Check(t, qt.StringContains(f.Doc, fmt.Sprintf("more than %d,", max-1)))
		}
	}
}

func source(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("execsnoop.h")
	qt.Assert(t, qt.IsNil(err))
	return string(b)
}
