//go:build kernel

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/tools/argdist/check"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/eval"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/libc"
	"github.com/ringside-tools/ringside/tools/argdist/probe"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// sample is memory of this process that expressions read: a page, and nothing
// behind it.
type sample struct {
	page    []byte
	address uint64
}

func newSample(t *testing.T) *sample {
	t.Helper()
	both, err := unix.Mmap(-1, 0, 8192, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(unix.Mprotect(both[4096:], unix.PROT_NONE)))
	t.Cleanup(func() { unix.Munmap(both) })
	s := &sample{page: both[:4096], address: uint64(uintptr(unsafe.Pointer(&both[0])))}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range s.page {
		s.page[i] = byte(r.Uint32())
	}
	copy(s.page[512:], "hello, world\x00")
	binary.LittleEndian.PutUint64(s.page[64:], s.address+512) // a pointer within
	return s
}

func (s *sample) read(_ ctype.Space, at uint64, buf []byte) bool {
	if at < s.address || at+uint64(len(buf)) > s.address+4096 {
		return false
	}
	copy(buf, s.page[at-s.address:])
	return true
}

// structType is what the pointers among the arguments point to.
func structType() *ctype.Struct {
	char := &ctype.Pointer{Target: ctype.Char}
	s := ctype.NewStruct("s", 96,
		ctype.Member{Name: "c", Type: ctype.SChar, Offset: 0}, ctype.Member{Name: "uc", Type: ctype.UChar, Offset: 8},
		ctype.Member{Name: "h", Type: ctype.Short, Offset: 16}, ctype.Member{Name: "uh", Type: ctype.UShort, Offset: 32},
		ctype.Member{Name: "i", Type: ctype.IntType, Offset: 64}, ctype.Member{Name: "ui", Type: ctype.UInt, Offset: 96},
		ctype.Member{Name: "l", Type: ctype.Long, Offset: 128}, ctype.Member{Name: "ul", Type: ctype.ULong, Offset: 192},
		ctype.Member{Name: "b", Type: ctype.Bool, Offset: 256},
		ctype.Member{Name: "f3", Type: ctype.UInt, Offset: 288, Bits: 3}, ctype.Member{Name: "s5", Type: ctype.IntType, Offset: 291, Bits: 5},
		ctype.Member{Name: "f20", Type: ctype.UInt, Offset: 296, Bits: 20}, ctype.Member{Name: "f40", Type: ctype.ULong, Offset: 320, Bits: 40},
		ctype.Member{Name: "str", Type: char, Offset: 512}, ctype.Member{Name: "a", Type: &ctype.Array{Elem: ctype.Short, Len: 8}, Offset: 576},
	)
	return s
}

type sampleTypes struct{ libc.Table }

func (sampleTypes) Tagged(tag, name string) (ctype.Type, bool) {
	if tag == "struct" && name == "s" {
		return structType(), true
	}
	return nil, false
}

const signature = "int a, unsigned int b, long c, unsigned long d, signed char e, unsigned short f, struct s *p, struct s *q"

// checkSample reads and checks a specifier of a function with the arguments of
// signature.
func checkSample(text string) (*check.Checked, error) {
	s, err := spec.Parse(text, check.IsType(sampleTypes{}))
	if err != nil {
		return nil, err
	}
	return check.Check(s, &check.Scope{Types: sampleTypes{}, Space: ctype.User, MaxArgs: 8, TextSize: 32})
}

// subject is a program that can be run with any arguments.
type subject struct {
	maps    *probe.Maps
	program *ebpf.Program
	before  gen.Counters
}

func newSubject(t testing.TB, table *gen.Table) (*subject, error) {
	t.Helper()
	h := &gen.Hook{StackPointer: -1, AtReturn: true}
	for i := range 8 {
		h.Args = append(h.Args, gen.Value{Node: &tree.Context{Offset: 8 * i, Size: 8, T: ctype.ULong}})
	}
	maps, err := probe.NewMaps(table, 64, nil)
	if err != nil {
		return nil, err
	}
	insns, err := gen.Program(h, table)
	if err != nil {
		return nil, err
	}
	p, err := probe.Load(&ebpf.ProgramSpec{Name: "subject", Type: ebpf.RawTracepoint, License: "GPL", Instructions: insns}, maps.ByName())
	if err != nil {
		var v *ebpf.VerifierError
		if errors.As(err, &v) {
			err = fmt.Errorf("%w\n%s", err, strings.Join(v.Log[max(0, len(v.Log)-30):], "\n"))
		}
		maps.Close()
		return nil, err
	}
	return &subject{maps: maps, program: p}, nil
}

func (s *subject) close() { s.program.Close(); s.maps.Close() }

// run runs the program once and returns the entries of the table, and which
// counters went up.
func (s *subject) run(t testing.TB, args []uint64) ([]probe.Entry, gen.Counters) {
	t.Helper()
	_, err := s.program.Run(&ebpf.RunOptions{Context: args})
	qt.Assert(t, qt.IsNil(err))
	entries, err := s.maps.Rotate(true)
	qt.Assert(t, qt.IsNil(err))
	now, err := s.maps.ReadCounters()
	qt.Assert(t, qt.IsNil(err))
	was := s.before
	s.before = now
	return entries, gen.Counters{Seen: now.Seen - was.Seen, Counted: now.Counted - was.Counted, Filtered: now.Filtered - was.Filtered,
		Fault: now.Fault - was.Fault, Divide: now.Divide - was.Divide, Full: now.Full - was.Full}
}

// compare runs an expression in the kernel and in the interpreter.
func compare(t *testing.T, s *sample, text string, inputs [][]uint64) {
	t.Helper()
	c, err := checkSample("p::f(" + signature + "):long:" + text)
	if err != nil {
		return // refused, which is an answer
	}
	node := c.Exprs[0].Node
	sub, err := newSubject(t, &gen.Table{Exprs: []tree.Node{node}})
	if err != nil {
		if strings.Contains(err.Error(), "bytes of stack") {
			return
		}
		t.Fatalf("%s: %v", text, err)
	}
	defer sub.close()
	for _, args := range inputs {
		want, wantErr := eval.Value(node, &eval.Env{Input: func(in *tree.Input) int64 { return int64(args[in.Index]) }, Read: s.read, Comm: comm(t)})
		entries, counters := sub.run(t, args)
		expect := gen.Counters{Seen: 1}
		switch wantErr {
		case eval.ErrFault:
			expect.Fault = 1
		case eval.ErrDivide:
			expect.Divide = 1
		default:
			expect.Counted = 1
		}
		if counters != expect {
			t.Fatalf("%s with %x: counters %+v, want %+v\n%s", text, args, counters, expect, strings.Join(tree.Lines(node), "\n"))
		}
		if wantErr != nil {
			qt.Assert(t, qt.Equals(len(entries), 0))
			continue
		}
		qt.Assert(t, qt.Equals(len(entries), 1), qt.Commentf("%s", text))
		if got := int64(binary.NativeEndian.Uint64(entries[0].Key)); got != want {
			t.Fatalf("%s with %x: %d in the kernel, want %d\n%s", text, args, got, want, strings.Join(tree.Lines(node), "\n"))
		}
	}
}

func comm(t *testing.T) string {
	t.Helper()
	var b [16]byte
	qt.Assert(t, qt.IsNil(unix.Prctl(unix.PR_GET_NAME, uintptr(unsafe.Pointer(&b[0])), 0, 0, 0)))
	return unix.ByteSliceToString(b[:])
}

// inputs are arguments that numbers go wrong at, and pointers that can be read
// and ones that cannot.
func inputs(s *sample, r *rand.Rand) [][]uint64 {
	special := []uint64{0, 1, 2, 0xffffffffffffffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xff80, 3, 10, 0xffff}
	var out [][]uint64
	for i := range 6 {
		args := make([]uint64, 8)
		for j := range 6 {
			if args[j] = special[r.IntN(len(special))]; r.IntN(3) == 0 {
				args[j] = r.Uint64() >> r.IntN(64)
			}
		}
		args[6], args[7] = s.address, s.address+uint64(8*r.IntN(64))
		switch i {
		case 4:
			args[7] = 0
		case 5:
			args[6] = s.address + 4096 - 24
		}
		out = append(out, args)
	}
	return out
}

// expression makes up an expression.
func expression(r *rand.Rand, depth int) string {
	leaf := []string{"a", "b", "c", "d", "e", "f", "0", "1", "-3", "7u", "0x80000000", "100000000000", "'x'", "p->c", "p->uc", "p->h", "p->uh", "p->i", "p->ui",
		"p->l", "p->ul", "p->b", "p->f3", "p->s5", "p->f20", "p->f40", "p->a[3]", "q->i", "*p->str", "p->str[2]", "(p - q)", "p->a[a & 7]", "q == p", "sizeof(struct s)", "(*p).i", "*(short *)q", "(&p->i)[1]",
		`STRCMP("hello", p->str)`, `STRCMP("help", p->str)`, `(p->str == "hello, world")`}
	if depth == 0 || r.IntN(8) == 0 {
		return leaf[r.IntN(len(leaf))]
	}
	sub := func() string { return expression(r, depth-1) }
	switch r.IntN(12) {
	case 0:
		return []string{"-", "~", "!", "+"}[r.IntN(4)] + "(" + sub() + ")"
	case 1:
		return "(" + []string{"u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "bool"}[r.IntN(9)] + ")(" + sub() + ")"
	case 2:
		return "(" + sub() + " ? " + sub() + " : " + sub() + ")"
	case 3:
		return []string{"ntohs", "ntohl", "be64toh"}[r.IntN(3)] + "(" + sub() + ")"
	}
	ops := []string{"+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "&&", "||", "==", "!=", "<", "<=", ">", ">="}
	return "(" + sub() + " " + ops[r.IntN(len(ops))] + " " + sub() + ")"
}

// TestCompare runs expressions that nobody would write in the kernel and in the
// interpreter: they must agree to the bit, and in what fails.
//
//vmrun:kernels 6.1
func TestCompare(t *testing.T) {
	qt.Assert(t, qt.IsNil(rlimit.RemoveMemlock())) // before 5.11
	s := newSample(t)
	r := rand.New(rand.NewPCG(7, 11))
	n := 400
	if testing.Short() || kernelName() != "" {
		n = 150 // an emulated machine takes its time
	}
	for range n {
		text := expression(r, 1+r.IntN(4))
		compare(t, s, text, inputs(s, r))
	}
	for _, text := range []string{"a/b", "a%b", "c/d", "c%e", "a/e", "a<<b", "c>>b", "d>>f", "e*f", "a-b", "-a", "-e/2", "p->s5", "p->f40", "q->i/a",
		"p&&q->i", "q&&q->i", "q||p->i", "(u8)c", "(s8)d", "a<b", "a<c", "b<c", "e<f", "!p", "p-q", "q+1>p", "STRCMP(\"hello, world\", p->str)", `$COMM=="x"`, `STRCMP("arg",$COMM)`} {
		compare(t, s, text, inputs(s, r))
	}
}
