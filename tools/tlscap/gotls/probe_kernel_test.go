//go:build kernel

package gotls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"github.com/go-quicktest/qt"
)

// Calls of the traced process: primes, so that nothing adds up by chance.
const (
	clientWrites = 31
	serverWrites = 17
)

func TestMain(m *testing.M) {
	if os.Getenv("GOTLS_TEST_TALK") != "" {
		talk()
		return
	}
	os.Exit(m.Run())
}

// talk waits for a line, then lets a client and a server in this process exchange messages, and prints how often each
// function was called.
func talk() {
	io.ReadFull(os.Stdin, make([]byte, 1))
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, _ := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	reads := make(chan int)
	go func() {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
		for range serverWrites {
			deep(s, 12)
		}
		reads <- drain(s)
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		panic(err)
	}
	defer c.Close() // a connection that nobody can use any more is closed, and what was not read resets it
	for range clientWrites {
		deep(c, 12)
	}
	c.CloseWrite()
	n := <-reads
	fmt.Println(clientWrites+serverWrites, n)
}

// deep writes from far down the stack, which has to be moved for that.
func deep(c *tls.Conn, n int) {
	var room [4096]byte
	if room[n] = byte(n); n > 0 {
		deep(c, n-1)
		return
	}
	if _, err := c.Write(room[:100]); err != nil {
		panic(err)
	}
}

// drain reads up to the end, and returns how many calls that took.
func drain(c *tls.Conn) (calls int) {
	b := make([]byte, 70)
	for {
		calls++
		if _, err := c.Read(b); err != nil {
			return calls
		}
	}
}

// TestProbes: every call is seen once at its beginning and once at one of its ends, and the program lives on.
func TestProbes(t *testing.T) {
	qt.Assert(t, qt.IsNil(rlimit.RemoveMemlock()))
	file, err := os.Open("/proc/self/exe")
	qt.Assert(t, qt.IsNil(err))
	defer file.Close()
	st, err := file.Stat()
	qt.Assert(t, qt.IsNil(err))
	p, err := Inspect(file, st.Size())
	qt.Assert(t, qt.IsNil(err))

	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "GOTLS_TEST_TALK=1")
	in, err := cmd.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	qt.Assert(t, qt.IsNil(cmd.Start()))
	exe, err := link.OpenExecutable("/proc/self/exe")
	qt.Assert(t, qt.IsNil(err))
	entries, ends := make(map[string]*ebpf.Map), make(map[string]*ebpf.Map)
	for _, name := range []string{Read, Write, KeyLog} {
		f := p.Functions[name]
		entries[name] = count(t, exe, cmd.Process.Pid, f.Offset)
		ends[name] = count(t, exe, cmd.Process.Pid, f.Returns...)
	}
	io.WriteString(in, "\n")
	qt.Assert(t, qt.IsNil(cmd.Wait()))
	var writes, reads uint64
	_, err = fmt.Sscan(out.String(), &writes, &reads)
	qt.Assert(t, qt.IsNil(err))
	// TLS 1.3: four secrets of traffic, for each side.
	for name, want := range map[string]uint64{Write: writes, Read: reads, KeyLog: 8} {
		// A function begins again once its stack has grown.
		n := total(t, entries[name])
		qt.Check(t, qt.IsTrue(n >= want && n <= 2*want), qt.Commentf("%d entries of %s, want %d", n, name, want))
		qt.Check(t, qt.Equals(total(t, ends[name]), want), qt.Commentf("ends of %s", name))
	}
	qt.Check(t, qt.IsTrue(reads > serverWrites))
}

// count attaches a program that counts at each offset, and returns where it does.
func count(t *testing.T, exe *link.Executable, pid int, offsets ...uint64) *ebpf.Map {
	t.Helper()
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { m.Close() })
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.Kprobe, License: "GPL", Instructions: asm.Instructions{
		asm.Mov.Imm(asm.R0, 0),
		asm.StoreMem(asm.RFP, -4, asm.R0, asm.Word),
		asm.LoadMapPtr(asm.R1, m.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "out"),
		asm.Mov.Imm(asm.R1, 1),
		asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("out"),
		asm.Return(),
	}})
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { prog.Close() })
	for _, offset := range offsets {
		l, err := exe.Uprobe("", prog, &link.UprobeOptions{Address: offset, PID: pid})
		qt.Assert(t, qt.IsNil(err))
		t.Cleanup(func() { l.Close() })
	}
	return m
}

func total(t *testing.T, m *ebpf.Map) (n uint64) {
	t.Helper()
	qt.Assert(t, qt.IsNil(m.Lookup(uint32(0), &n)))
	return n
}
