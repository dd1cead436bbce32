//go:build kernel

package peer

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

const (
	bcc = "/usr/sbin/argdist-bpfcc"

	// bcc finds the library by its name where there is a cache of ld.so.
	libc = "/lib/x86_64-linux-gnu/libc.so.6"

	// Functions of the kernel with their parameters, for whom types of the kernel are no help.
	vfsWrite = "vfs_write(struct file *file, const char *buf, size_t count)"
	vfsRead  = "vfs_read(struct file *file, char *buf, size_t count)"
)

type specifier struct{ flag, text, label string }

// ofKernel are specifiers of what a process of testdata/work.py does, and does not do while
// it waits. They are told apart by their labels: bcc prints none else above a histogram.
var ofKernel = []specifier{
	// The kernel's functions, at their beginning and return.
	{"-C", "p::" + vfsWrite + ":size_t:count", "writes"},
	{"-C", "p::" + vfsWrite + ":size_t:count:count>50&&count<=100", "filtered"},
	{"-C", "p::" + vfsWrite, "calls"},
	{"-C", "r::" + vfsWrite + ":size_t,long:$entry(count),$retval", "entry and return"},
	{"-C", "r::" + vfsRead + ":u64:$latency>0", "latency"},
	{"-C", "r::vfs_read()", "results"},
	{"-H", "p::" + vfsWrite + ":size_t:count", "sizes"},
	{"-H", "r::" + vfsWrite + ":u64:$entry(count)*$entry(count):$retval>0", "squares"},
	{"-C", "p::" + vfsRead + ":char*,size_t:file->f_path.dentry->d_iname,count:file->f_path.dentry->d_iname[0]!=0", "names"},
	{"-C", "p::" + vfsRead + ":u32,u16:file->f_mode&3,file->f_inode->i_mode", "members"},
	{"-C", "p::__kmalloc_noprof(size_t size, gfp_t flags):gfp_t,size_t:flags,size", "allocations"},
	{"-C", "p::__kmalloc_noprof(size_t size, gfp_t flags):size_t:size:flags&GFP_KERNEL", "a macro"},

	// C: promotions, signs and widths.
	{"-C", "p::" + vfsWrite + ":int,u8,s64,long:(int)count-20,count,-(s64)count,(int)count*-3", "signs"},
	{"-C", "p::" + vfsWrite + ":u64,u32,int,s16:count<<33>>31,~count,!count,count*60", "widths"},
	{"-C", "p::" + vfsWrite + ":u64,long,int:(count*3)%17,(long)(u32)(count-100),count==10||count>500&&count!=1000", "operators"},
	{"-C", "p::" + vfsWrite + ":long,u16,int:(short)(count*100),(u8)count<<4|count&15^3,(int)(count-100)>>2", "casts"},

	// Tracepoints.
	{"-C", "t:syscalls:sys_enter_write():u32,size_t:args->fd,args->count:args->count<50", "tracepoint"},
	{"-C", "t:syscalls:sys_exit_write():long:args->ret", "negative results"},
	{"-C", "t:syscalls:sys_enter_close():char*:$COMM", "command"},
	{"-C", "t:syscalls:sys_enter_read():int:$PID", "process"},
	{"-H", "t:syscalls:sys_exit_read():u64:args->ret", "reads"},
	{"-C", "t:syscalls:sys_enter_openat():int:args->flags&64", "flags"},
}

// ofUser are those of the C library and an executable.
var ofUser = []specifier{
	{"-C", "p:" + libc + ":write(int fd, void *buf, size_t len):size_t,int:len,fd:len<50", "library"},
	{"-H", "p:" + libc + ":write(int fd, void *buf, size_t len):size_t:len:fd!=1", "library's sizes"},
	{"-C", "p:" + libc + ":write():int:$PID", "write per process"},
	{"-H", "r:" + libc + ":read()", "library's reads"},
	{"-C", "r:" + libc + ":write(int fd, void *buf, size_t len):int,size_t:(int)$retval,$entry(len):$entry(len)<20", "library's results"},
	{"-C", "p:" + libc + ":malloc(size_t size):size_t:size", "malloc"},
	{"-C", "p:" + libc + ":malloc(size_t size):size_t:size:size>1000", "large malloc"},
	{"-C", "p:" + libc + ":open64(char *file):char*:file", "opens"},
	{"-C", "p:" + libc + `:open64(u64 file):int:1:STRCMP("/nowhere/else",file)`, "opens of one"},
	{"-C", "r:" + libc + ":getcwd():char*:(char*)$retval:$retval!=0", "directories"},
	{"-C", "p:" + libc + ":fork()", "fork calls"},
	{"-C", "p:/usr/bin/python3:PyOS_AfterFork_Parent()", "executable"},
	{"-C", "p:" + libc + ":write():u64:ctx->dx", "register"},
}

// TestKernel has both count the same at the same time, to the unit. One more process does
// the same work and is none of it.
func TestKernel(t *testing.T) {
	path := needs(t)
	counted, other := startWork(t, path), startWork(t, path)
	theirs := startPeer(t, counted, ofKernel)
	theirs.after(t, 1) // it traces when that is printed
	ours, out := start(t, counted, ofKernel)
	other.work(t)
	counted.work(t)
	text := out.after(t, 2)
	compare(t, ofKernel, text, theirs.after(t, 2))
	qt.Check(t, qt.Equals(ours.Stop(), 0), qt.Commentf("%s", ours.Stderr()))

	// What is known of the work, so that both cannot be wrong together.
	writes := parse(text)["writes"]
	for _, line := range []string{"\t101        count = 10", "\t101        count = 100", "\t100        count = 1000", "\t1          count = 299"} {
		qt.Check(t, qt.IsTrue(slices.Contains(writes, line)), qt.Commentf("%q in %q", line, writes))
	}
}

// TestUser has one count after the other: with a uprobe bcc gives the kernel a chance value
// for the place of a counter, which keeps others from the same place. (In 0.31 its Python
// leaves out the last argument of bpf_attach_uprobe.)
func TestUser(t *testing.T) {
	path := needs(t)
	first := startWork(t, path)
	theirs := startPeer(t, first, ofUser)
	theirs.after(t, 1)
	first.work(t)
	want := theirs.after(t, 2)
	theirs.stop()
	first.end(t)

	second, other := startWork(t, path), startWork(t, path)
	ours, out := start(t, second, ofUser)
	other.work(t)
	second.work(t)
	have := out.after(t, 2)
	qt.Check(t, qt.Equals(ours.Stop(), 0), qt.Commentf("%s", ours.Stderr()))
	compare(t, ofUser, pid.ReplaceAllString(have, "$$PID = it"), pid.ReplaceAllString(want, "$$PID = it"))
}

var pid = regexp.MustCompile(`\$PID = \d+`)

// needs skips where there is no bcc, and returns a file to read.
func needs(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(bcc); err != nil {
		t.Skip("no bcc here: apt-get install bpfcc-tools linux-headers-$(uname -r)")
	}
	path := filepath.Join(t.TempDir(), "read")
	qt.Assert(t, qt.IsNil(os.WriteFile(path, []byte("four"), 0o644)))
	return path
}

// compare wants the same lines in both, and some, of each specifier, and no others.
func compare(t *testing.T, specifiers []specifier, ours, theirs string) {
	t.Helper()
	have, want := parse(ours), parse(theirs)
	for _, s := range specifiers {
		qt.Check(t, qt.DeepEquals(have[s.label], want[s.label]), qt.Commentf("%s %s", s.flag, s.text))
		qt.Check(t, qt.Not(qt.HasLen(have[s.label], 1)), qt.Commentf("%s: nothing was counted", s.label))
		delete(have, s.label)
		delete(want, s.label)
	}
	qt.Check(t, qt.HasLen(have, 0))
	qt.Check(t, qt.HasLen(want, 0))
}

// flags are those of both, which add up what the process does.
func flags(w *work, specifiers []specifier) []string {
	list := []string{"-c", "-i", "1", "-p", strconv.Itoa(w.cmd.Process.Pid)}
	for _, s := range specifiers {
		list = append(list, s.flag, s.text+"#"+s.label)
	}
	return list
}

// start starts ours, and returns what it prints.
func start(t *testing.T, w *work, specifiers []specifier) (*kerneltest.Run, *tables) {
	t.Helper()
	out := new(tables)
	cmd := kerneltest.Command(t, "argdist", flags(w, specifiers)...)
	cmd.Stdout = out
	return kerneltest.StartCmd(t, cmd), out
}

// startPeer starts bcc's, until the test ends.
func startPeer(t *testing.T, w *work, specifiers []specifier) *tables {
	t.Helper()
	out := &tables{stop: func() {}}
	cmd := exec.Command("python3", append([]string{"-u", bcc, "-I", "linux/fs.h", "-I", "linux/gfp.h"}, flags(w, specifiers)...)...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	qt.Assert(t, qt.IsNil(cmd.Start()))
	ended := make(chan bool)
	go func() {
		err := cmd.Wait()
		out.mu.Lock()
		out.ended = fmt.Errorf("%s ended: %w", bcc, err)
		out.mu.Unlock()
		close(ended)
	}()
	out.stop = func() {
		cmd.Process.Kill()
		<-ended
	}
	t.Cleanup(out.stop)
	return out
}

// work is a process of testdata/work.py.
type work struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startWork(t *testing.T, path string) *work {
	t.Helper()
	w := &work{cmd: exec.Command("/usr/bin/python3", "testdata/work.py", path)}
	var err error
	w.in, err = w.cmd.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	out, err := w.cmd.StdoutPipe()
	qt.Assert(t, qt.IsNil(err))
	w.out = bufio.NewReader(out)
	w.cmd.Stderr = os.Stderr
	qt.Assert(t, qt.IsNil(w.cmd.Start()))
	t.Cleanup(func() { w.cmd.Process.Kill() })
	return w
}

// work has it done.
func (w *work) work(t *testing.T) {
	t.Helper()
	_, err := w.in.Write([]byte{'\n'})
	qt.Assert(t, qt.IsNil(err))
	line, err := w.out.ReadString('\n')
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(line, "done\n"))
}

func (w *work) end(t *testing.T) {
	t.Helper()
	qt.Assert(t, qt.IsNil(w.in.Close()))
	qt.Check(t, qt.IsNil(w.cmd.Wait()))
}

// tables is what an argdist prints: an interval after the other.
type tables struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ended error
	stop  func()
}

func (b *tables) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *tables) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// end is why nothing more is printed, nil if there may be.
func (b *tables) end() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}

var interval = regexp.MustCompile(`(?m)^\[\d\d:\d\d:\d\d\]\n`)

// after returns the last whole interval, when n more have begun.
func (b *tables) after(t *testing.T, n int) string {
	t.Helper()
	const patience = 8 * time.Minute // bcc compiles, in an emulated machine beside others
	n += len(interval.FindAllString(b.String(), -1))
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && b.end() == nil; time.Sleep(100 * time.Millisecond) {
		if parts := interval.Split(b.String(), -1); len(parts) > n {
			return parts[len(parts)-2]
		}
	}
	t.Fatalf("no table: %v\n%s", b.end(), b.String())
	return ""
}

var (
	histogram = regexp.MustCompile(`^ +(.*\S) +: count +distribution$`)
	counted   = regexp.MustCompile(`^\t(\d+) +(.*)$`)
	bytesText = regexp.MustCompile(`b'([^']*)'`)
)

// parse returns the lines of an interval by label, in order of their text: those that were
// counted as often as others come in any. Python prints a string as b'this', and bcc tells
// strings apart by what lies behind their end as well: it has several lines of one text.
func parse(text string) map[string][]string {
	out := make(map[string][]string)
	counts := make(map[string]map[string]int) // of events, by label
	label := ""
	for line := range strings.Lines(text) {
		line = bytesText.ReplaceAllString(strings.TrimSuffix(line, "\n"), "$1")
		if m := counted.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1])
			if counts[label] == nil {
				counts[label] = make(map[string]int)
			}
			counts[label][m[2]] += n
			continue
		}
		if m := histogram.FindStringSubmatch(line); m != nil {
			label = m[1]
		} else if !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, " ") {
			label = line
			continue
		}
		out[label] = append(out[label], line)
	}
	for label, events := range counts {
		for event, n := range events {
			out[label] = append(out[label], fmt.Sprintf("\t%-10d %s", n, event))
		}
	}
	for _, lines := range out {
		slices.Sort(lines)
	}
	return out
}
