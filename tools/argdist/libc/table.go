package libc

import (
	"math"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// Table looks types and constants up as package check does.
type Table struct{}

func (Table) Named(name string) (ctype.Type, bool)       { return Named(name) }
func (Table) Tagged(tag, name string) (ctype.Type, bool) { return Tagged(tag, name) }

// Constant returns a macro with the type that its number has in C.
func (Table) Constant(name string) (int64, ctype.Type, bool) {
	v, ok := Constant(name)
	switch {
	case !ok:
		return 0, nil, false
	case v >= math.MinInt32 && v <= math.MaxInt32:
		return v, ctype.IntType, true
	case v >= 0 && v <= math.MaxUint32:
		return v, ctype.UInt, true
	}
	return v, ctype.Long, true
}

// Basic are the words of C alone: the integers that the kernel's type information
// may spell in another way, those of a size, and [Alike].
type Basic struct{}

func (Basic) Named(name string) (ctype.Type, bool)      { return basic(name) }
func (Basic) Tagged(string, string) (ctype.Type, bool)  { return nil, false }
func (Basic) Constant(string) (int64, ctype.Type, bool) { return 0, nil, false }
