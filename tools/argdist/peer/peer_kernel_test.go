//go:build kernel

package peer

import (
	"bufio"
	"bytes"
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

	// Functions of the kernel with their parameters, for whom types of the kernel are no help.
	vfsWrite = "vfs_write(struct file *file, const char *buf, size_t count)"
	vfsRead  = "vfs_read(struct file *file, char *buf, size_t count)"
)

// specifiers are told apart by their labels: bcc prints none else above a histogram. Those
// of a process of testdata/work.py, and of nothing that it does while it waits.
var specifiers = []struct{ flag, spec, label string }{
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
	{"-C", "p::" + vfsWrite + ":int,u8,s64,long:(int)count-20,count,-(s64)count,(int)count/7", "signs"},
	{"-C", "p::" + vfsWrite + ":u64,u32,int,s8:count<<33>>31,~count,!count,count*60", "widths"},
	{"-C", "p::" + vfsWrite + ":u64,long,int:(count*3)%17,(long)(u32)(count-100),count==10||count>500&&count!=1000", "operators"},
	{"-C", "p::" + vfsWrite + ":long,u16,int:(short)(count*100),(u8)count<<4|count&15^3,(int)(count-100)>>2", "casts"},

	// Tracepoints.
	{"-C", "t:syscalls:sys_enter_write():u32,size_t:args->fd,args->count:args->count<50", "tracepoint"},
	{"-C", "t:syscalls:sys_exit_write():long:args->ret", "negative results"},
	{"-C", "t:syscalls:sys_enter_close():char*:$COMM", "command"},
	{"-C", "t:syscalls:sys_enter_read():int:$PID", "process"},
	{"-H", "t:syscalls:sys_exit_read():u64:args->ret", "reads"},
	{"-C", "t:syscalls:sys_enter_openat():int:args->flags&64", "flags"},

	// The C library and an executable.
	{"-C", "p:c:write(int fd, void *buf, size_t len):size_t,int:len,fd:len<50", "library"},
	{"-H", "p:c:write(int fd, void *buf, size_t len):size_t:len:fd!=1", "library's sizes"},
	{"-C", "p:c:write():int:$PID", "write per process"},
	{"-H", "r:c:read()", "library's reads"},
	{"-C", "r:c:write(int fd, void *buf, size_t len):int,size_t:(int)$retval,$entry(len):$entry(len)<20", "library's results"},
	{"-C", "p:c:malloc(size_t size):size_t:size", "malloc"},
	{"-C", "p:c:malloc(size_t size):size_t:size:size==16", "malloc of 16"},
	{"-C", "p:c:open64(char *file):char*:file", "opens"},
	{"-C", `p:c:open64(u64 file):int:1:STRCMP("/nowhere/else",file)`, "opens of one"},
	{"-C", "r:c:getcwd():char*:(char*)$retval:$retval!=0", "directories"},
	{"-C", "p:c:fork()", "fork calls"},
	{"-C", "p:/usr/bin/python3:PyOS_AfterFork_Parent()", "executable"},
	{"-C", "p:c:write():u64:ctx->dx", "register"},
}

// TestPeer has both count the same at the same time, to the unit. One more process does the
// same work and is none of it.
func TestPeer(t *testing.T) {
	if _, err := os.Stat(bcc); err != nil {
		t.Skip("no bcc here: apt-get install bpfcc-tools linux-headers-$(uname -r)")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "read")
	qt.Assert(t, qt.IsNil(os.WriteFile(path, []byte("four"), 0o644)))
	counted, other := startWork(t, path), startWork(t, path)

	flags := []string{"-I", "linux/fs.h", "-I", "linux/gfp.h", "-c", "-i", "1", "-p", strconv.Itoa(counted.pid())}
	for _, s := range specifiers {
		flags = append(flags, s.flag, s.spec+"#"+s.label)
	}
	theirs := startTables(t, exec.Command("python3", append([]string{"-u", bcc}, flags...)...))
	theirs.after(t, 1) // it traces then
	var out tables
	ours := kerneltest.Command(t, "argdist", flags...)
	ours.Stdout = &out
	run := kerneltest.StartCmd(t, ours)

	other.work(t)
	counted.work(t)
	have := parse(out.after(t, 2))
	want := parse(theirs.after(t, 2))
	other.end(t)
	counted.end(t)
	qt.Check(t, qt.Equals(run.Stop(), 0), qt.Commentf("%s", run.Stderr()))

	for _, s := range specifiers {
		qt.Check(t, qt.DeepEquals(have[s.label], want[s.label]), qt.Commentf("%s %s", s.flag, s.spec))
		qt.Check(t, qt.Not(qt.HasLen(have[s.label], 0)), qt.Commentf("%s: nothing was counted", s.label))
		delete(have, s.label)
		delete(want, s.label)
	}
	qt.Check(t, qt.HasLen(have, 0))
	qt.Check(t, qt.HasLen(want, 0))

	// What is known of the work, so that both cannot be wrong together.
	writes := parse(out.String())["writes"]
	for _, line := range []string{"\t101        count = 10", "\t101        count = 100", "\t100        count = 1000", "\t1          count = 299"} {
		qt.Check(t, qt.IsTrue(slices.Contains(writes, line)), qt.Commentf("%q in %q", line, writes))
	}
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

func (w *work) pid() int { return w.cmd.Process.Pid }

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
	mu   sync.Mutex
	text bytes.Buffer
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

// startTables starts bcc's, until the test ends.
func startTables(t *testing.T, cmd *exec.Cmd) *tables {
	t.Helper()
	b := new(tables)
	cmd.Stdout, cmd.Stderr = b, os.Stderr
	qt.Assert(t, qt.IsNil(cmd.Start()))
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return b
}

var interval = regexp.MustCompile(`(?m)^\[\d\d:\d\d:\d\d\]\n`)

// after returns the last whole interval, when n more have begun.
func (b *tables) after(t *testing.T, n int) string {
	t.Helper()
	const patience = 3 * time.Minute // bcc compiles
	n += len(interval.FindAllString(b.String(), -1))
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if parts := interval.Split(b.String(), -1); len(parts) > n {
			return parts[len(parts)-2]
		}
	}
	t.Fatalf("no table:\n%s", b.String())
	return ""
}

var (
	histogram = regexp.MustCompile(`^ +(.*\S) +: count +distribution$`)
	bytesText = regexp.MustCompile(`b'([^']*)'`)
)

// parse returns the lines of an interval by label, in order of their text: those that were
// counted as often as others come in any. Python prints a string as b'this'.
func parse(text string) map[string][]string {
	out := make(map[string][]string)
	label := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if m := histogram.FindStringSubmatch(line); m != nil {
			label = m[1]
		} else if !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, " ") {
			label = line
			continue
		}
		out[label] = append(out[label], bytesText.ReplaceAllString(line, "$1"))
	}
	for _, lines := range out {
		slices.Sort(lines)
	}
	return out
}
