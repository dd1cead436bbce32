//go:build kernel

package accessor

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"github.com/go-quicktest/qt"
)

// TestLogSecretIsCalled: a probe where the function was found sees the labels and secrets that a client of this
// machine's libssl writes to its key log, no more and no less.
func TestLogSecretIsCalled(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl")
	}
	paths, _ := filepath.Glob("/usr/lib/*-linux-gnu/libssl.so.3")
	if len(paths) == 0 {
		t.Skip("no libssl.so.3")
	}
	qt.Assert(t, qt.IsNil(rlimit.RemoveMemlock()))
	file, err := os.Open(paths[0])
	qt.Assert(t, qt.IsNil(err))
	defer file.Close()
	st, err := file.Stat()
	qt.Assert(t, qt.IsNil(err))
	found, err := FindLogSecret(file, st.Size())
	qt.Assert(t, qt.IsNil(err))

	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=h",
		"-keyout", path("key"), "-out", path("cert")).CombinedOutput()
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", out))
	server := exec.Command("openssl", "s_server", "-accept", "127.0.0.1:18444", "-cert", path("cert"), "-key", path("key"), "-quiet")
	qt.Assert(t, qt.IsNil(server.Start()))
	defer func() { server.Process.Kill(); server.Wait() }()
	time.Sleep(time.Second)
	for version, lines := range map[string]int{"-tls1_2": 1, "-tls1_3": 5} {
		// The shell waits until it is probed, and then becomes the client.
		client := exec.Command("sh", "-c", "read line; exec openssl s_client -connect 127.0.0.1:18444 -quiet -keylogfile "+path("log"+version)+" "+version)
		in, err := client.StdinPipe()
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(client.Start()))
		queue := probe(t, paths[0], found.Offset, client.Process.Pid)
		io.WriteString(in, "\n")
		time.Sleep(2 * time.Second)
		in.Close()
		client.Process.Kill()
		client.Wait()

		raw, err := os.ReadFile(path("log" + version))
		qt.Assert(t, qt.IsNil(err))
		var want []string
		for line := range strings.Lines(string(raw)) {
			if f := strings.Fields(line); len(f) == 3 {
				want = append(want, f[0]+" "+f[2])
			}
		}
		qt.Check(t, qt.HasLen(want, lines))
		got := drain(t, queue)
		slices.Sort(got)
		slices.Sort(want)
		qt.Check(t, qt.DeepEquals(got, want))
	}
}

// Bytes of what the probe notes: length of the secret, label, secret.
const (
	lengthSize = 8
	labelSize  = 40
	noteSize   = lengthSize + labelSize + secretSize
)

// probe attaches a program to an offset of a library that notes what the function is called with.
func probe(t *testing.T, library string, offset uint64, pid int) *ebpf.Map {
	t.Helper()
	registers := map[string][3]int16{"amd64": {104, 96, 88}, "arm64": {8, 16, 24}}[runtime.GOARCH] // second, third, fourth argument
	queue, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Queue, ValueSize: noteSize, MaxEntries: 64})
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { queue.Close() })
	ins := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1), asm.Mov.Imm(asm.R0, 0)}
	for i := int16(0); i < noteSize; i += 8 {
		ins = append(ins, asm.StoreMem(asm.RFP, i-noteSize, asm.R0, asm.DWord))
	}
	ins = append(ins,
		asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, lengthSize-noteSize), asm.Mov.Imm(asm.R2, labelSize),
		asm.LoadMem(asm.R3, asm.R6, registers[0], asm.DWord), asm.FnProbeReadUserStr.Call(),
		asm.LoadMem(asm.R7, asm.R6, registers[2], asm.DWord),
		asm.StoreMem(asm.RFP, -noteSize, asm.R7, asm.DWord),
		asm.JGT.Imm(asm.R7, secretSize, "note"),
		asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -secretSize), asm.Mov.Reg(asm.R2, asm.R7),
		asm.LoadMem(asm.R3, asm.R6, registers[1], asm.DWord), asm.FnProbeReadUser.Call(),
		asm.LoadMapPtr(asm.R1, queue.FD()).WithSymbol("note"),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -noteSize), asm.Mov.Imm(asm.R3, 0), asm.FnMapPushElem.Call(),
		asm.Mov.Imm(asm.R0, 0), asm.Return(),
	)
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.Kprobe, License: "GPL", Instructions: ins})
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { prog.Close() })
	exe, err := link.OpenExecutable(library)
	qt.Assert(t, qt.IsNil(err))
	l, err := exe.Uprobe("", prog, &link.UprobeOptions{Address: offset, PID: pid})
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { l.Close() })
	return queue
}

func drain(t *testing.T, queue *ebpf.Map) (out []string) {
	t.Helper()
	b := make([]byte, noteSize)
	for queue.LookupAndDelete(nil, b) == nil {
		label, _, _ := bytes.Cut(b[lengthSize:lengthSize+labelSize], []byte{0})
		out = append(out, fmt.Sprintf("%s %x", label, b[lengthSize+labelSize:][:min(int(b[0]), secretSize)]))
	}
	return out
}
