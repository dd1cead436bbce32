package symbol

import (
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

//go:noinline
func landmark() int { return len(os.Args) }

// entry is the address of a function of this program.
func entry(f any) uint64 { return uint64(reflect.ValueOf(f).Pointer()) }

func show(frames []Frame) string {
	var lines []string
	for _, f := range frames {
		lines = append(lines, string(f.Append(nil)))
	}
	return strings.Join(lines, "\n")
}

// TestOwnAddress finds a function of this very program, which was linked without symbols, by its address.
func TestOwnAddress(t *testing.T) {
	exe, err := os.Executable()
	qt.Assert(t, qt.IsNil(err))
	pid := uint32(os.Getpid())
	name := runtime.FuncForPC(uintptr(entry(landmark))).Name()
	frames := NewUsers().Frames(nil, pid, "", []UserFrame{
		{Status: statusIP, Offset: entry(landmark) + 3},
		{Status: statusIP, Offset: entry(landmark) + 5},
	})
	qt.Check(t, qt.Equals(show(frames), name+"+0x3 ("+exe+")\n"+name+"+0x5 ("+exe+")"))
}
