package symbol

import (
	"bytes"
	"os"
	"reflect"
	"runtime"
	"testing"

	"github.com/go-quicktest/qt"
)

// TestLocate finds functions of this very program, which knows where they are.
func TestLocate(t *testing.T) {
	raw, err := os.ReadFile("/proc/self/exe")
	qt.Assert(t, qt.IsNil(err))
	pc := reflect.ValueOf(TestLocate).Pointer()
	name := runtime.FuncForPC(pc).Name()
	found, err := Locate(bytes.NewReader(raw), int64(len(raw)), name, "no.such.function", "runtime.findfunc")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(found, 2))
	f := found[name]
	qt.Check(t, qt.Equals(f.Address, uint64(pc)))
	qt.Check(t, qt.IsTrue(f.Table == ".symtab" || f.Table == ".gopclntab")) // go test strips
	code := (*[8]byte)(reflect.ValueOf(TestLocate).UnsafePointer())
	qt.Check(t, qt.DeepEquals(raw[f.Offset:][:8], code[:]))
	qt.Check(t, qt.IsTrue(f.Size > 100 && f.Size < 64<<10))
}

// TestLocateOfGo: a table of Go names functions where there are no symbols.
func TestLocateOfGo(t *testing.T) {
	raw := goTable(textAddr, []string{"main.a", "main.b"})
	found, err := Locate(bytes.NewReader(raw), int64(len(raw)), "main.b", "main.c")
	qt.Assert(t, qt.IsNil(err))
	f := found["main.b"]
	qt.Check(t, qt.Equals(f.Address, textAddr+16))
	qt.Check(t, qt.Equals(f.Size, 16))
	qt.Check(t, qt.Equals(f.Table, ".gopclntab"))
	_, err = Locate(bytes.NewReader(raw[:40]), 40, "main.b")
	qt.Check(t, qt.IsNotNil(err))
}
