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

	"github.com/ringside-tools/ringside/internal/layouttest"
	"github.com/ringside-tools/ringside/internal/trace"
)

// TestLayout checks that Go and C mean the same bytes, in the objects of all
// architectures.
func TestLayout(t *testing.T) {
	for name, types := range layouttest.Objects(t, loadBpf) {
		comment := qt.Commentf("%s", name)
		qt.Check(t, qt.IsNil(layouttest.Check[trace.RecordHead](types, "record_head")), comment)
		qt.Check(t, qt.IsNil(layouttest.Check[bpfCapRecord](types, "cap_record")), comment)
		qt.Check(t, qt.IsNil(layouttest.Check[bpfSubjectRecord](types, "subject_record")), comment)
		qt.Check(t, qt.IsNil(layouttest.Check[bpfUseKey](types, "use_key")), comment)
		qt.Check(t, qt.IsNil(layouttest.Check[bpfCaller](types, "caller")), comment)

		// What is variable follows the record behind its length.
		qt.Check(t, qt.Equals(layouttest.DataOffset(t, types, "scratch", "", "tail"), recordSize+lengthSize), comment)
		qt.Check(t, qt.Equals(layouttest.DataOffset(t, types, "subject_scratch", "", "names"), subjectSize+lengthSize), comment)
	}
	qt.Check(t, qt.Equals(unsafe.Offsetof(bpfCapRecord{}.Head), 0))
	qt.Check(t, qt.Equals(unsafe.Offsetof(bpfSubjectRecord{}.Head), 0))
	// A record is looked at as a check before its kind is known.
	qt.Check(t, qt.IsTrue(subjectSize+lengthSize >= recordSize))
}

// TestDefines checks the constants of the Go files against those of C, in both
// directions: flagAuditKnown is F_AUDIT_KNOWN, howUsed is USED.
func TestDefines(t *testing.T) {
	inC := make(map[string]uint64)
	for _, m := range regexp.MustCompile(`(?m)^#define (?:(F|KIND|CALLER)_)?(\w+)\s+(\w+)`).FindAllStringSubmatch(source(t), -1) {
		prefix := map[string]string{"F": "flag", "KIND": "kind", "CALLER": "caller"}[m[1]]
		switch m[2] {
		case "USED", "NEEDLESS", "REFUSED", "UNAUDITED":
			prefix = "how"
		case "RANGES", "FRAMES":
			continue
		}
		if prefix == "" {
			continue
		}
		n, err := strconv.ParseUint(m[3], 0, 32)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", m[0]))
		inC[prefix+strings.ReplaceAll(m[2], "_", "")] = n
	}

	inGo := make(map[string]uint64)
	constant := regexp.MustCompile(`^(flag|kind|caller|how)([A-Z]\w*)$`)
	for _, name := range []string{"event.go", "callers.go", "profile.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		qt.Assert(t, qt.IsNil(err))
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 {
				return true
			}
			lit, isLit := spec.Values[0].(*ast.BasicLit)
			m := constant.FindStringSubmatch(spec.Names[0].Name)
			if isLit && m != nil {
				v, err := strconv.ParseUint(lit.Value, 0, 32)
				qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", m[0]))
				inGo[m[1]+strings.ToUpper(m[2])] = v
			}
			return true
		})
	}
	qt.Assert(t, qt.Equals(len(inC), 18), qt.Commentf("%v", inC))
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

// TestSizes checks the sizes that Go repeats from C.
func TestSizes(t *testing.T) {
	m := regexp.MustCompile(`(?m)^#define CALLER_RANGES (\d+)`).FindStringSubmatch(source(t))
	qt.Assert(t, qt.HasLen(m, 2))
	qt.Check(t, qt.Equals(m[1], strconv.Itoa(maxCallers)))
	spec, err := loadBpf()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(spec.Maps["subjects"].MaxEntries, maxSubjects))
}

func source(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, name := range []string{"capable.h", "profile.h", "audit.h"} {
		b, err := os.ReadFile(name)
		qt.Assert(t, qt.IsNil(err))
		text.Write(b)
	}
	return text.String()
}
