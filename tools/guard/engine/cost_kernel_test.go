//go:build kernel

package engine

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

// What operations cost with no policy, with an empty program on their hook, and with 10
// and 10 000 rules. Each is done by a process of its own, since nothing applies to the
// one that enforces.

// costs are the operations, by name, and what has to be done before them.
var costs = map[string]func(dir string) (func() error, error){
	"open": func(dir string) (func() error, error) {
		path, b := dir+"/file", make([]byte, 1)
		return func() error {
			fd, err := unix.Open(path, unix.O_RDONLY, 0)
			if err != nil {
				return err
			}
			_, err = unix.Read(fd, b)
			unix.Close(fd)
			return err
		}, nil
	},
	"read": func(dir string) (func() error, error) {
		fd, err := unix.Open(dir+"/file", unix.O_RDWR, 0)
		b := make([]byte, 1)
		return func() error { _, err := unix.Pread(fd, b, 0); return err }, err
	},
	"connect": func(string) (func() error, error) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
		to := &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}}
		return func() error { return unix.Connect(fd, to) }, err
	},
	"exec": func(string) (func() error, error) {
		exe, err := exec.LookPath("guard-workload")
		return func() error { return exec.Command(exe, "id").Run() }, err
	},
}

// costRuns are how often each is done for one sample: few, since the times are worth
// something only in a guest whose clock counts instructions (vmrun exec -count).
var costRuns = map[string]int{"open": 3000, "read": 10000, "connect": 5000, "exec": 60}

// TestCostOf is none: a benchmark runs it in a process of its own.
func TestCostOf(t *testing.T) {
	what, dir, ok := strings.Cut(os.Getenv("GUARD_COST"), " ")
	if !ok {
		return
	}
	n := costRuns[what]
	do, err := costs[what](dir)
	qt.Assert(t, qt.IsNil(err))
	for range max(n/20, 5) { // what is remembered of files is by then
		qt.Assert(t, qt.IsNil(do()))
	}
	var batches []float64 // the median of several is without what else the kernel does
	for range costBatches {
		begin := time.Now()
		for range n / costBatches {
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}
		batches = append(batches, float64(time.Since(begin).Nanoseconds())/float64(n/costBatches))
	}
	fmt.Printf("took %d\n", int(median(batches)))
}

// costBatches is how many times are taken of one sample.
const costBatches = 20

// costOf is the time of one operation in nanoseconds.
func costOf(b *testing.B, what, dir string) float64 {
	cmd := exec.Command(dir+"/cost", "-test.run", "^TestCostOf$")
	cmd.Env = append(os.Environ(), "GUARD_COST="+what+" "+dir)
	out, err := cmd.CombinedOutput()
	qt.Assert(b, qt.IsNil(err), qt.Commentf("%s", out))
	_, after, _ := strings.Cut(string(out), "took ")
	ns, err := strconv.Atoi(strings.Fields(after)[0])
	qt.Assert(b, qt.IsNil(err))
	return float64(ns)
}

// manyRules are n rules of each class about what nobody does here.
func manyRules(n int) (policies []string) {
	class := map[string]func(i int) string{
		"file":    func(i int) string { return fmt.Sprintf("file: {paths: [/srv/%d/secret]}", i) },
		"exec":    func(i int) string { return fmt.Sprintf("exec: {paths: [/srv/%d/program], loader: false}", i) },
		"connect": func(i int) string { return fmt.Sprintf("connect: {to: 10.%d.%d.%d}", i>>16, i>>8&255, i&255) },
	}
	for name, block := range class {
		var s strings.Builder
		s.WriteString("rules:\n")
		for i := range n {
			fmt.Fprintf(&s, "  - {id: %s%d, subject: all, %s, action: deny}\n", name, i, block(i))
		}
		policies = append(policies, strings.Replace(enforce(s.String()), "name: test", "name: "+name, 1))
	}
	return policies
}

// costRounds is how often everything is measured, in turns.
const costRounds = 3

func BenchmarkCost(b *testing.B) {
	dir := b.TempDir()
	costDir(b, dir)
	samples := make(map[string][]float64)
	take := func(fence string) {
		for what := range costs {
			key := what + " " + fence
			samples[key] = append(samples[key], costOf(b, what, dir))
		}
	}
	fences := map[string]func() func(){
		"none":  func() func() { return func() {} },
		"empty": func() func() { return emptyPrograms(b) },
	}
	for _, n := range []int{10, 10000} {
		rules := parse(b, manyRules(n)...)
		fences[strconv.Itoa(n)] = func() func() {
			m, err := New(Options{})
			qt.Assert(b, qt.IsNil(err))
			qt.Assert(b, qt.IsNil(m.AttachFor(rules...)))
			begin := time.Now()
			qt.Assert(b, qt.IsNil(m.Set(rules...)))
			samples["load "+strconv.Itoa(n)] = append(samples["load "+strconv.Itoa(n)], float64(time.Since(begin)))
			return func() { qt.Check(b, qt.IsNil(m.Close())) }
		}
	}
	if _, err := exec.LookPath("apparmor_parser"); err == nil {
		fences["apparmor"] = func() func() { return confine(b, dir, 10) }
	}
	for range costRounds {
		for fence, begin := range fences { // in whatever order
			end := begin()
			take(fence)
			end()
		}
	}
	fmt.Println("| one operation | " + strings.Join(fenceNames, " | ") + " |\n|---" + strings.Repeat("|---", len(fenceNames)) + "|")
	for _, what := range []string{"open", "read", "connect", "exec"} {
		none := median(samples[what+" none"])
		row := fmt.Sprintf("| %s | %.0f", costNames[what], none)
		for _, fence := range fenceNames[1:] {
			cell := "-"
			if s := samples[what+" "+fence]; s != nil {
				cell = fmt.Sprintf("%.3f (%.3f to %.3f)", median(s)/none, slices.Min(s)/none, slices.Max(s)/none)
			}
			row += " | " + cell
		}
		fmt.Println(row + " |")
	}
	fmt.Println("\n| rules of each class | until they are in force |\n|---|---|")
	for _, n := range []string{"10", "10000"} {
		fmt.Printf("| %s | %.2f s |\n", n, median(samples["load "+n])/1e9)
	}
}

// fenceNames are what is measured, and costNames what of, as the table calls it.
var (
	fenceNames = []string{"none", "empty", "10", "10000", "apparmor"}
	costNames  = map[string]string{"open": "open, read a byte, close", "read": "read a byte", "connect": "connect a UDP socket", "exec": "fork, exec, wait"}
)

// costDir makes what the operations need: a file, and the program that does them.
func costDir(b *testing.B, dir string) {
	qt.Assert(b, qt.IsNil(os.WriteFile(dir+"/file", []byte("x"), 0o644)))
	self, err := os.ReadFile("/proc/self/exe")
	qt.Assert(b, qt.IsNil(err))
	qt.Assert(b, qt.IsNil(os.WriteFile(dir+"/cost", self, 0o755)))
}

// confine has AppArmor deny the program n files, and returns what ends it.
func confine(b *testing.B, dir string, n int) func() {
	var profile strings.Builder
	fmt.Fprintf(&profile, "profile guard-cost %s/cost {\n  network,\n  capability,\n  signal,\n  ptrace,\n  /** mrwlkix,\n", dir)
	for i := range n {
		fmt.Fprintf(&profile, "  deny /srv/%d/secret rwlk,\n", i)
	}
	profile.WriteString("}\n")
	name := dir + "/profile"
	qt.Assert(b, qt.IsNil(os.WriteFile(name, []byte(profile.String()), 0o644)))
	run := func(how string) {
		out, err := exec.Command("apparmor_parser", "-K", how, name).CombinedOutput()
		qt.Assert(b, qt.IsNil(err), qt.Commentf("%s", out))
	}
	run("-r")
	return func() { run("-R") }
}

func median(s []float64) float64 {
	s = slices.Sorted(slices.Values(s))
	return s[len(s)/2]
}

// BenchmarkPrograms is the time in the programs themselves.
func BenchmarkPrograms(b *testing.B) {
	dir := b.TempDir()
	costDir(b, dir)
	fmt.Println("\n| rules of each class | program | runs | ns each |\n|---|---|---|---|")
	for _, n := range []int{10, 10000} {
		m, err := New(Options{})
		qt.Assert(b, qt.IsNil(err))
		rules := parse(b, manyRules(n)...)
		qt.Assert(b, qt.IsNil(m.AttachFor(rules...)))
		qt.Assert(b, qt.IsNil(m.Set(rules...)))
		stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
		qt.Assert(b, qt.IsNil(err))
		before := programTimes(m)
		for what := range costs {
			costOf(b, what, dir)
		}
		after := programTimes(m)
		for _, name := range slices.Sorted(maps.Keys(after)) {
			if runs := after[name].RunCount - before[name].RunCount; runs > 50 {
				fmt.Printf("| %d | %s | %d | %d |\n", n, name, runs, int64(after[name].Runtime-before[name].Runtime)/int64(runs))
			}
		}
		stats.Close()
		qt.Check(b, qt.IsNil(m.Close()))
	}
}

func programTimes(m *Manager) map[string]*ebpf.ProgramStats {
	all := make(map[string]*ebpf.ProgramStats)
	for name, p := range m.object.programs {
		if s, err := p.Stats(); err == nil {
			all[name] = s
		}
	}
	return all
}

// emptyPrograms puts a program that does nothing on the hooks, and returns what takes
// them away.
func emptyPrograms(b *testing.B) func() {
	var links []link.Link
	for _, hook := range []Hook{FileOpen, FilePermission, SocketConnect, BprmCheckSecurity} {
		p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
			Type: ebpf.LSM, AttachType: ebpf.AttachLSMMac, AttachTo: string(hook), License: "GPL",
			Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
		})
		qt.Assert(b, qt.IsNil(err))
		defer p.Close()
		l, err := link.AttachLSM(link.LSMOptions{Program: p})
		qt.Assert(b, qt.IsNil(err))
		links = append(links, l)
	}
	return func() {
		for _, l := range links {
			l.Close()
		}
	}
}
