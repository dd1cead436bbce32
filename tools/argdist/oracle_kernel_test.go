//go:build kernel

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/argdist/eval"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// program is C around expressions: it maps the sample where it is in this process,
// and prints what each comes to. What C leaves open is as the processor has it:
// overflow wraps, and a division that traps is no number.
const program = `#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>
#include <fcntl.h>
#include <arpa/inet.h>
#include <endian.h>
#include <sys/mman.h>
typedef uint8_t u8; typedef int8_t s8; typedef uint16_t u16; typedef int16_t s16;
typedef uint32_t u32; typedef int32_t s32; typedef unsigned long long u64; typedef long long s64;
struct s {
	signed char c; unsigned char uc; short h; unsigned short uh; int i; unsigned ui; long l; unsigned long ul;
	bool b; unsigned f3 : 3 __attribute__((aligned(4))); int s5 : 5; unsigned f20 : 20; unsigned long f40 : 40 __attribute__((aligned(8)));
	char pad[16]; char *str; short a[8]; char tail[8];
};
static sigjmp_buf out;
static void trap(int n) { siglongjmp(out, 1); }
#define TRY(x) if (!sigsetjmp(out, 1)) printf("%ld\n", (long)(x)); else printf("trap\n")
static void one(int a, unsigned b, long c, unsigned long d, signed char e, unsigned short f, struct s *p, struct s *q) {
`

// TestOracle compares the checker and the interpreter with a compiler of C.
func TestOracle(t *testing.T) {
	clang, err := exec.LookPath("clang-19")
	if err != nil || kernelName() != "" {
		t.Skip("no clang-19 here")
	}
	s := newSample(t)
	r := rand.New(rand.NewPCG(13, 17))
	// What C writes in another way, or where a struct of the sample would have to be
	// laid out by hand, is left out.
	foreign := []string{"STRCMP", "==\"", "== \"", "->b", "->str", "->a", "sizeof", "p - q", "q == p", "(&p->i)"}
	var texts []string
	for len(texts) < 1500 {
		text := expression(r, 1+r.IntN(4))
		usable := true
		for _, f := range foreign {
			usable = usable && !strings.Contains(text, f)
		}
		if _, err := checkSample("p::f(" + signature + "):long:" + text); usable && err == nil {
			texts = append(texts, text)
		}
	}
	args := inputs(s, r)[:4]
	for _, a := range args {
		a[6], a[7] = s.address, s.address+128
	}
	var c strings.Builder
	c.WriteString(program)
	for _, text := range texts {
		fmt.Fprintf(&c, "\tTRY(%s);\n", text)
	}
	fmt.Fprintf(&c, "}\nint main(void) {\n\tsignal(SIGFPE, trap);\n\tint fd = open(\"page\", O_RDONLY);\n\tif (mmap((void *)%#xUL, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED, fd, 0) == MAP_FAILED) return 1;\n", s.address)
	for _, a := range args {
		fmt.Fprintf(&c, "\tone((int)%#xUL, (unsigned)%#xUL, (long)%#xUL, %#xUL, (signed char)%#xUL, (unsigned short)%#xUL, (void *)%#xUL, (void *)%#xUL);\n", a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7])
	}
	c.WriteString("}\n")
	dir := t.TempDir()
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "o.c"), []byte(c.String()), 0o644)))
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "page"), s.page, 0o644)))
	cmd := exec.Command(clang, "-O0", "-w", "-fwrapv", "-o", "o", "o.c")
	cmd.Dir = dir
	msg, err := cmd.CombinedOutput()
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", msg))
	cmd = exec.Command("./o")
	cmd.Dir = dir
	answers, err := cmd.Output()
	qt.Assert(t, qt.IsNil(err))
	lines := strings.Split(strings.TrimSpace(string(answers)), "\n")
	qt.Assert(t, qt.Equals(len(lines), len(texts)*len(args)))
	traps := 0
	for i, line := range lines {
		text, a := texts[i%len(texts)], args[i/len(texts)]
		checked, err := checkSample("p::f(" + signature + "):long:" + text)
		qt.Assert(t, qt.IsNil(err))
		got, err := eval.Value(checked.Exprs[0].Node, &eval.Env{Input: func(in *tree.Input) int64 { return int64(a[in.Index]) }, Read: s.read})
		if line == "trap" {
			traps++
			continue // by zero, or the least number by -1
		}
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s with %x", text, a))
		if fmt.Sprint(got) != line {
			t.Errorf("%s with %x: %d, want %s\n%s", text, a, got, line, strings.Join(tree.Lines(checked.Exprs[0].Node), "\n"))
		}
	}
	t.Logf("%d values agree, %d trap", len(lines)-traps, traps)
	qt.Check(t, qt.IsTrue(traps < len(lines)/3))
}
