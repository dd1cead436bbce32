package symbol

import (
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	procfs "github.com/ringside-tools/ringside/internal/process"
)

//go:noinline
func landmark() int { return len(os.Args) }

// entry is the address of a function of this program.
func entry(f any) uint64 { return uint64(reflect.ValueOf(f).Pointer()) }

const nobody = 1<<22 + 1 // beyond PID_MAX_LIMIT: a process that has ended

var self = uint32(os.Getpid())

// newUsers has a clock that stands still until it is moved.
func newUsers() (u *Users, clock *time.Time) {
	u, clock = NewUsers(), new(time.Time)
	*clock = time.Unix(1e9, 0)
	u.now = func() time.Time { return *clock }
	return u, clock
}

func names(u *Users, pid uint32, exe string, frames ...UserFrame) string {
	var lines []string
	for _, f := range u.Frames(nil, pid, exe, frames) {
		lines = append(lines, string(f.Append(nil)))
	}
	return strings.Join(lines, "\n")
}

func inFile(id BuildID, offset uint64) UserFrame { return UserFrame{statusBuildID, id, offset} }
func atAddr(addr uint64) UserFrame               { return UserFrame{statusIP, BuildID{}, addr} }

// library is an ELF file with one function, "greet", 16 bytes into its text.
func library(id BuildID) []byte {
	return sample{id: id[:], dynsym: []sampleSymbol{function("greet", 0x10, 0x20)}}.build()
}

// execute maps the text of a file into this process, as the dynamic linker does, and returns the address.
func execute(t *testing.T, path string) uint64 {
	t.Helper()
	f, err := os.Open(path)
	qt.Assert(t, qt.IsNil(err))
	defer f.Close()
	mem, err := unix.Mmap(int(f.Fd()), textOffset, textSize, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE)
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { unix.Munmap(mem) })
	return uint64(uintptr(unsafe.Pointer(&mem[0])))
}

// TestOwnAddress finds a function of this very program, which was linked without symbols, by its address.
func TestOwnAddress(t *testing.T) {
	exe, err := os.Executable()
	qt.Assert(t, qt.IsNil(err))
	name := runtime.FuncForPC(uintptr(entry(landmark))).Name()
	u, _ := newUsers()
	qt.Check(t, qt.Equals(names(u, self, "", atAddr(entry(landmark)+3), atAddr(entry(landmark)+5)),
		name+"+0x3 ("+exe+")\n"+name+"+0x5 ("+exe+")"))
	qt.Check(t, qt.Equals(names(u, self, "", atAddr(5), UserFrame{Status: -3, Offset: 7}), "[unknown] 0x5\n[unknown] 0x7"))
	for _, m := range u.procs[self].maps {
		if m.path == "[vdso]" {
			qt.Check(t, qt.Equals(names(u, self, "", atAddr(m.start+0x10)), "+0x10 ([vdso])"))
		}
	}
}

// TestFixedPlace: the executable of a process that has ended says where its functions were, if it can be at one place
// only.
func TestFixedPlace(t *testing.T) {
	exe, err := os.Executable()
	qt.Assert(t, qt.IsNil(err))
	name := runtime.FuncForPC(uintptr(entry(landmark))).Name()
	u, _ := newUsers()
	const nobody = 1<<22 + 1
	qt.Check(t, qt.Equals(names(u, nobody, exe, atAddr(entry(landmark)+3)), name+"+0x3 ("+exe+")"))
	for _, test := range []struct {
		exe  string
		addr uint64
	}{{exe, 5}, {exe, 1 << 46}, {"", entry(landmark)}, {"/nonexistent", entry(landmark)}, {"/dev/null", entry(landmark)}} {
		qt.Check(t, qt.Equals(names(u, nobody, test.exe, atAddr(test.addr)), fmt.Sprintf("[unknown] %#x", test.addr)))
	}
}

// TestLibrary is the whole life of a library: mapped after the process was first seen, removed, unmapped.
func TestLibrary(t *testing.T) {
	u, clock := newUsers()
	id := id20(11)
	path := write(t, "lib.so", library(id))
	unknown := "+0x1015 ([build-id " + hex.EncodeToString(id[:]) + "])"
	qt.Check(t, qt.Equals(names(u, self, "", inFile(id, textOffset+0x15)), unknown))

	addr := execute(t, path)
	qt.Check(t, qt.Equals(names(u, self, "", inFile(id, textOffset+0x15)), unknown)) // not again that soon
	*clock = clock.Add(readAgain)
	qt.Check(t, qt.Equals(names(u, self, "", inFile(id, textOffset+0x15), inFile(id, textOffset+0x10), inFile(id, textOffset+0x40)),
		"greet+0x5 ("+path+")\ngreet+0x0 ("+path+")\n+0x1040 ("+path+")"))
	qt.Check(t, qt.Equals(names(u, self, "", atAddr(addr+0x15), atAddr(addr)), "greet+0x5 ("+path+")\n+0x1000 ("+path+")"))
	// Where a call at the end of greet returns to, and not the same where it is no call.
	qt.Check(t, qt.Equals(names(u, self, "", atAddr(addr+0x30), atAddr(addr+0x30)), "+0x1030 ("+path+")\ngreet+0x20 ("+path+")"))

	// A process that has ended and had the library, too.
	qt.Check(t, qt.Equals(names(u, nobody, "", inFile(id, textOffset+0x15)), "greet+0x5 ("+path+")"))
	qt.Check(t, qt.Equals(names(u, nobody, "", atAddr(addr+0x15)), fmt.Sprintf("[unknown] %#x", addr+0x15)))
}

// TestDeleted: the file of a mapping was removed, and another has its path.
func TestDeleted(t *testing.T) {
	id, other := id20(13), id20(17)
	path := write(t, "lib.so", library(id))
	addr := execute(t, path)
	qt.Assert(t, qt.IsNil(os.Remove(path)))
	qt.Assert(t, qt.IsNil(os.WriteFile(path, sample{id: other[:], dynsym: []sampleSymbol{function("wrong", 0, 0x100)}}.build(), 0o700)))
	u, _ := newUsers()
	got := names(u, self, "", atAddr(addr+0x15))
	if _, err := os.ReadFile(fmt.Sprintf("/proc/self/map_files/%x-%x", addr, addr+textSize)); err != nil {
		qt.Check(t, qt.Equals(got, "+0x1015 ("+path+" (deleted))")) // nobody without a capability can open it
		return
	}
	qt.Check(t, qt.Equals(got, "greet+0x5 ("+path+" (deleted))"))
	qt.Check(t, qt.Equals(names(u, self, "", inFile(id, textOffset+0x15)), "greet+0x5 ("+path+" (deleted))"))
}

// TestExecutable: of a process that has ended only the path of its executable is known. It counts if the build id is
// the same.
func TestExecutable(t *testing.T) {
	id, other := id20(19), id20(23)
	path := write(t, "exe", library(id))
	u, _ := newUsers()
	qt.Check(t, qt.Equals(names(u, nobody, path, inFile(id, textOffset+0x15)), "greet+0x5 ("+path+")"))
	qt.Check(t, qt.Equals(names(u, nobody, path, inFile(other, 0x15)), "+0x15 ([build-id "+hex.EncodeToString(other[:])+"])"))
	for _, bad := range []string{"", "exe", "/", "/dev/zero", path + "/x", "/\x00", strings.Repeat("/x", maxPath)} {
		u, _ := newUsers()
		qt.Check(t, qt.Equals(names(u, nobody, bad, inFile(other, 0x15)), "+0x15 ([build-id "+hex.EncodeToString(other[:])+"])"))
	}
	// A copy elsewhere has the same build id. The path is that of the process, not that which was learnt first.
	same := write(t, "copy", library(id))
	qt.Check(t, qt.Equals(names(u, nobody, same, inFile(id, textOffset+0x15)), "greet+0x5 ("+same+")"))
}

// TestNeeded: the libraries of an executable that nothing maps any more, and their libraries.
func TestNeeded(t *testing.T) {
	exe, first, second := id20(29), id20(31), id20(37)
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"exe":      sample{id: exe[:], needed: []string{"none.so", "first.so", "../outside.so", "first.so"}, runpath: "relative:$ORIGIN/lib"}.build(),
		"first.so": sample{id: first[:], needed: []string{"second.so", "first.so"}, runpath: dir + "/other"}.build(),
	} {
		qt.Assert(t, qt.IsNil(os.MkdirAll(dir+"/lib", 0o700)))
		qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, strings.Replace(name, "first", "lib/first", 1)), data, 0o700)))
	}
	qt.Assert(t, qt.IsNil(os.MkdirAll(dir+"/other", 0o700)))
	qt.Assert(t, qt.IsNil(os.WriteFile(dir+"/other/second.so", library(second), 0o700)))
	qt.Assert(t, qt.IsNil(os.WriteFile(dir+"/outside.so", library(id20(53)), 0o700)))
	u, _ := newUsers()
	qt.Check(t, qt.Equals(names(u, nobody, dir+"/exe", inFile(second, textOffset+0x15), inFile(first, 0x15)),
		"greet+0x5 ("+dir+"/other/second.so)\n+0x15 ("+dir+"/lib/first.so)"))
	for _, f := range u.files.known { // a name with a path is no library's name
		qt.Check(t, qt.Not(qt.Equals(string(f.path), dir+"/outside.so")))
	}
}

// TestScan: a process that has ended had a library of another that was not seen yet.
func TestScan(t *testing.T) {
	u, clock := newUsers()
	first, second := id20(41), id20(43)
	path := write(t, "first.so", library(first))
	execute(t, path)
	qt.Check(t, qt.Equals(names(u, nobody, "", inFile(first, textOffset+0x15)), "greet+0x5 ("+path+")"))
	path = write(t, "second.so", library(second))
	execute(t, path)
	qt.Check(t, qt.StringContains(names(u, nobody, "", inFile(second, textOffset+0x15)), "build-id"))
	*clock = clock.Add(scanEvery)
	qt.Check(t, qt.Equals(names(u, nobody, "", inFile(second, textOffset+0x15)), "greet+0x5 ("+path+")"))
}

// TestScanLong: where time runs out, the next scan goes on.
func TestScanLong(t *testing.T) {
	u, clock := newUsers()
	u.now = func() time.Time {
		*clock = clock.Add(scanTime/2 + 1) // enough for one process
		return *clock
	}
	pids := processes()
	if len(pids) < 3 {
		t.Skip("too few processes")
	}
	qt.Check(t, qt.IsTrue(u.scanAll()))
	first := u.scan.from
	qt.Check(t, qt.Equals(first, pids[1]))
	*clock = clock.Add(scanEvery)
	qt.Check(t, qt.IsTrue(u.scanAll()))
	qt.Check(t, qt.IsTrue(u.scan.from > first || u.scan.from == 0))
	qt.Check(t, qt.IsFalse(u.scanAll()))
}

// TestReplaced: a file whose headers were read is another one when its symbols are needed.
func TestReplaced(t *testing.T) {
	id := id20(47)
	path := write(t, "lib.so", library(id))
	c := newFiles()
	f := c.get(place{path: path})
	qt.Assert(t, qt.IsNotNil(f))
	qt.Assert(t, qt.IsNil(os.WriteFile(path+".new", sample{dynsym: []sampleSymbol{function("wrong", 0, 0x100)}}.build(), 0o700)))
	qt.Assert(t, qt.IsNil(os.Rename(path+".new", path)))
	_, _, ok := c.find(f, textOffset+0x15, false)
	qt.Check(t, qt.IsFalse(ok))
	// The file is seen again, elsewhere.
	elsewhere := write(t, "copy.so", library(id))
	f.key = c.get(place{path: elsewhere}).key
	f.place = place{path: elsewhere}
	name, _, _ := c.find(f, textOffset+0x15, false)
	qt.Check(t, qt.Equals(string(name), "greet"))
}

// TestEnded: what was read of a process while it lived holds when it has ended, and not for the next one of that id.
func TestEnded(t *testing.T) {
	cmd := exec.Command("/bin/cat")
	stdin, err := cmd.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(cmd.Start()))
	pid := uint32(cmd.Process.Pid)
	u, clock := newUsers()
	var m mapping
	for deadline := time.Now().Add(10 * time.Second); m.path == "" && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		p := u.process(pid) // until it has executed
		for _, have := range p.maps {
			if strings.HasSuffix(have.path, "/cat") || strings.HasSuffix(have.path, "/busybox") {
				m = have
			}
		}
	}
	qt.Assert(t, qt.Not(qt.Equals(m.path, "")))
	before := names(u, pid, "", atAddr(m.start+1))
	qt.Check(t, qt.StringContains(before, m.path))
	stdin.Close()
	exited := fmt.Sprintf("/proc/%d/stat", pid)
	for {
		if stat, err := os.ReadFile(exited); err != nil || strings.Contains(string(stat), ") Z ") {
			break
		}
		time.Sleep(time.Millisecond)
	}
	*clock = clock.Add(time.Hour)
	qt.Check(t, qt.Equals(names(u, pid, "", atAddr(m.start+1)), before)) // nobody has waited for it yet
	qt.Assert(t, qt.IsNil(cmd.Wait()))
	qt.Check(t, qt.Equals(names(u, pid, "", atAddr(m.start+1)), before))

	// Let this process be the next one of that id.
	u.procs[self] = u.procs[pid]
	qt.Check(t, qt.Equals(names(u, self, "", atAddr(m.start+1)), fmt.Sprintf("[unknown] %#x", m.start+1)))
}

func TestBounds(t *testing.T) {
	u, _ := newUsers()
	for i := range uint32(maxProcesses) {
		u.procs[nobody+i] = &process{pid: nobody + i, used: uint64(i) + 5}
	}
	u.process(self)
	qt.Check(t, qt.HasLen(u.procs, maxProcesses))
	qt.Check(t, qt.IsNil(u.procs[nobody])) // the one used longest ago
	qt.Check(t, qt.IsNotNil(u.procs[self]))

	dir := t.TempDir()
	c := newFiles()
	var first *file
	for i := range maxFiles + 7 {
		id := BuildID{1, byte(i), byte(i >> 8)}
		path := fmt.Sprintf("%s/%d", dir, i)
		qt.Assert(t, qt.IsNil(os.WriteFile(path, library(id), 0o600)))
		f := c.get(place{path: path})
		qt.Assert(t, qt.IsNotNil(f))
		if i < maxLoaded+7 {
			_, _, ok := c.find(f, textOffset+0x15, false)
			qt.Assert(t, qt.IsTrue(ok))
		}
		if i == 0 {
			first = f
		}
	}
	qt.Check(t, qt.Equals(len(c.known), maxFiles))
	qt.Check(t, qt.Equals(len(c.byID), maxFiles))
	qt.Check(t, qt.Equals(len(c.loaded), maxLoaded))
	qt.Check(t, qt.HasLen(first.tables, 0))
	name, _, _ := c.find(first, textOffset+0x15, false) // and is read again
	qt.Check(t, qt.Equals(string(name), "greet"))
	qt.Check(t, qt.Equals(len(c.loaded), maxLoaded))

	for i, f := range c.loaded {
		f.bytes, f.used = maxBytes/4, uint64(i)
	}
	c.unload()
	qt.Check(t, qt.Equals(len(c.loaded), 4))
}

func TestBirth(t *testing.T) {
	stat := ` S 1 7 7 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 8451 9953280 1000 18446744073709551615 93826 94001 140737 0 0`
	for _, comm := range []string{"sleep", "a b", ") R 1 2", "", "(("} {
		b, ok := birthOf(procfs.ParseStat([]byte("42 (" + comm + ")" + stat)))
		qt.Check(t, qt.IsTrue(ok))
		qt.Check(t, qt.Equals(b, birth{8451, 93826, 140737}))
	}
	for _, bad := range []string{"", ")", "42 (x)", stat[:80], "42 (x)" + strings.Replace(stat, "8451", "-1", 1)} {
		_, ok := birthOf(procfs.ParseStat([]byte(bad)))
		qt.Check(t, qt.IsFalse(ok), qt.Commentf("%q", bad))
	}
	qt.Check(t, qt.IsTrue(birth{1, 0, 0}.same(birth{1, 2, 3})))
	qt.Check(t, qt.IsFalse(birth{2, 0, 0}.same(birth{1, 2, 3})))
	qt.Check(t, qt.IsFalse(birth{1, 2, 4}.same(birth{1, 2, 3})))
}

// BenchmarkFrames is a process that was seen before.
func BenchmarkFrames(b *testing.B) {
	u := NewUsers()
	frames := []UserFrame{atAddr(entry(landmark) + 3), atAddr(entry(landmark) + 5), atAddr(entry(landmark) + 7)}
	var out []Frame
	b.ReportAllocs()
	for b.Loop() {
		out = u.Frames(out[:0], self, "", frames)
	}
}
