//go:build kernel

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// known are the specifiers that the help, the manual and the examples of bcc's
// argdist show, with its flags. refused is why one cannot be taken as it is
// written; on some kernels, where it begins with "or".
var known = []struct {
	kernel  bool // it probes the kernel, else a program
	args    []string
	refused string
}{
	{false, []string{"-p", "{PID}", "-c", "-C", "p:c:malloc(size_t size):size_t:size"}, ""},
	{false, []string{"-c", "-H", "p:c:write(int fd, void *buf, size_t len):size_t:len"}, ""},
	{false, []string{"-c", "-H", "p:c:write(int fd, void *buf, size_t len):size_t:len:fd==1"}, ""},
	{true, []string{"-i", "3", "-n", "2", "-H", "p::__kmalloc(size_t size):size_t:size"}, ""},
	{false, []string{"-i", "10", "-n", "1", "-C", "p:c:puts(char *str):char*:str"}, ""},
	{false, []string{"-i", "10", "-n", "1", "-C", "r:c:gets():char*:(char*)$retval:$retval!=0"}, ""},
	{false, []string{"-i", "10", "-c", "-H", "r:c:read()"}, ""},
	{true, []string{"-C", "r::__vfs_read():u32:$PID:$latency > 100000"}, ""},
	{true, []string{"-C", "t:syscalls:sys_exit_epoll_wait():char*:$COMM"}, "or no tracepoint"}, // x86 alone has the call
	{false, []string{"-H", "r:c:malloc(size_t size):u64:$latency/$entry(size);ns per byte", "-n", "1", "-i", "10"}, "a label begins with #"},
	{true, []string{"-c", "-C", "p::__kmalloc(size_t size, gfp_t flags):gfp_t,size_t:flags,size"}, ""},
	{true, []string{"-C", "t:net:net_dev_start_xmit():u16:args->protocol"}, ""},
	{false, []string{"-c", "-H", `r:c:open(char *file):u64:$latency/1000:STRCMP("test.txt",$entry(file))`}, ""},
	{false, []string{"-c", "-C", "p:c:write():int:$PID#write per process", "-n", "2"}, ""},
	{true, []string{"-H", "p::__kmalloc(u64 size):u64:size"}, ""},
	{false, []string{"-p", "{PID}", "-C", "p:c:malloc(size_t size):size_t:size:size==16"}, ""},
	{false, []string{"-C", "r:c:gets():char*:$retval#snooped strings"}, ""},
	{true, []string{"-H", "r::__kmalloc(size_t size):u64:$latency/$entry(size)#ns per byte"}, ""},
	{true, []string{"-C", "p::__kmalloc(size_t size, gfp_t flags):size_t:size:flags&GFP_ATOMIC"}, ""},
	{false, []string{"-p", "{PID}", "-C", "p:c:write(int fd):int:fd", "-T", "5"}, ""},
	{false, []string{"-p", "{PID}", "-H", "r:c:read()"}, ""},
	{true, []string{"-C", "r::__vfs_read():u32:$COMM:$latency > 100000"}, `\$COMM is text, which does not fit into u32`},
	{true, []string{"-H", "r::__vfs_read(void *file, void *buf, size_t count):size_t:\n            $entry(count):$latency > 1000000"}, ""},
	{false, []string{"-H", "p:c:write(int fd, const void *buf, size_t count):size_t:count:fd==1"}, ""},
	{false, []string{"-C", "p:c:fork()#fork calls"}, ""},
	{true, []string{"-H", "t:block:block_rq_complete():u32:args->nr_sector"}, ""},
	{true, []string{"-C", "t:irq:irq_handler_entry():int:args->irq"}, ""},
	{false, []string{"-C", "u:pthread:pthread_start():u64:arg2", "-p", "{PID}"}, "has no static probe pthread_start|find library"}, // glibc 2.34 has it in libc, if at all
	{false, []string{"-H", "p:c:sleep(u32 seconds):u32:seconds", "-H", "p:c:nanosleep(struct timespec *req):long:req->tv_nsec"}, ""},
	{false, []string{"-p", "{PID}", "-z", "120", "-C", "p:c:write(int fd, char* buf, size_t len):char*:buf:fd==1"}, ""},
	{true, []string{"-I", "kernel/sched/sched.h", "-C", "p::__account_cfs_rq_runtime(struct cfs_rq *cfs_rq):s64:cfs_rq->runtime_remaining"}, "or no function __account_cfs_rq_runtime"},
	{true, []string{"-C", "p::do_sys_open(int dfd, const char __user *filename,\n int flags, umode_t mode):char*:filename:STRCMP(\"sample.txt\", filename)"}, ""},
	{false, []string{"-C", "p:c:fork():int:$PID;fork per process"}, "a label begins with #"},
	{true, []string{"-H", "t:block:block_rq_complete():u32:nr_sector"}, "unknown name nr_sector"},
	{true, []string{"-C", "t:irq:irq_handler_entry():int:irq"}, "unknown name irq"},
	{true, []string{"-C", "p::__vfs_read(struct file *file, void *buf, size_t count):char*,size_t:file->f_path.dentry->d_iname,count:file->f_path.dentry->d_iname[0]!=0"}, ""},
	{true, []string{"-v", "-C", "p::do_sys_open()", "-n", "1", "-i", "1"}, ""},
	{false, []string{"-C", "u:/lib/x86_64-linux-gnu/libc-2.27.so:memory_heap_free():size_t:arg2:arg2>100", "-p", "{PID}"}, "no such file or directory"},
}

// TestKnown takes every one of them, or refuses it for its reason. Programs are
// those of a distribution, which the machines of the matrix do not have.
func TestKnown(t *testing.T) {
	functions := works("fentry") || works("kprobe")
	ran := 0
	for _, k := range known {
		spec := k.args[0]
		args := []string{"--check"}
		for i, a := range k.args {
			args = append(args, replacePID(a, os.Getpid()))
			if a == "-C" || a == "-H" {
				spec = k.args[i+1]
			}
		}
		may := strings.HasPrefix(k.refused, "or ")
		if !k.kernel && kernelName() != "" || k.kernel && !functions && spec[0] != 't' && (k.refused == "" || may) {
			continue
		}
		ran++
		stdout, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "argdist", args...))
		comment := qt.Commentf("%q\n%s%s", args, stdout, stderr)
		switch {
		case code == 0 && (k.refused == "" || may):
		case may:
			qt.Check(t, qt.Matches(stderr, "(?s).*("+k.refused[3:]+").*"), comment)
			t.Logf("refused: %q", spec)
		case k.refused != "":
			qt.Check(t, qt.Equals(code, 2), comment)
			qt.Check(t, qt.Matches(stderr, "(?s).*("+k.refused+").*"), comment)
		default:
			qt.Check(t, qt.Equals(code, 0), comment)
		}
	}
	qt.Check(t, qt.IsTrue(ran >= 14), qt.Commentf("%d", ran))
	qt.Check(t, qt.Equals(len(known), 38))
}
