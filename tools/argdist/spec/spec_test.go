package spec

import (
	"testing"

	"github.com/go-quicktest/qt"
)

// TestSpecifiers has what the manual and the examples of bcc's argdist show, and
// what is ours.
func TestSpecifiers(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`p:c:malloc(size_t size):size_t:size`, `p|c|malloc(size_t size)|size_t|size|`},
		{`p:c:write(int fd, void *buf, size_t len):size_t:len:fd==1`, `p|c|write(int fd, void* buf, size_t len)|size_t|len|(fd==1)`},
		{`r:c:gets():char*:(char*)$retval:$retval!=0`, `r|c|gets()|char*|(<char*>$retval)|($retval!=0)`},
		{`r:c:read()`, `r|c|read()|||`},
		{`r::__vfs_read():u32:$PID:$latency > 100000`, `r||__vfs_read()|u32|$PID|($latency>100000)`},
		{`t:syscalls:sys_exit_epoll_wait():char*:$COMM`, `t|syscalls|sys_exit_epoll_wait()|char*|$COMM|`},
		{`p::__kmalloc(size_t size, gfp_t flags):gfp_t,size_t:flags,size`, `p||__kmalloc(size_t size, gfp_t flags)|gfp_t,size_t|flags,size|`},
		{`t:net:net_dev_start_xmit():u16:args->protocol`, `t|net|net_dev_start_xmit()|u16|args->protocol|`},
		{`r:c:open(char *file):u64:$latency/1000:STRCMP("test.txt",$entry(file))`, `r|c|open(char* file)|u64|($latency/1000)|STRCMP("test.txt",$entry(file))`},
		{`p:c:write():int:$PID#write per process`, `p|c|write()|int|$PID||#write per process`},
		{`r::__kmalloc(size_t size):u64:$latency/$entry(size)#ns per byte`, `r||__kmalloc(size_t size)|u64|($latency/$entry(size))||#ns per byte`},
		{"r::__vfs_read(void *file, void *buf, size_t count):size_t:\n            $entry(count):$latency > 1000000",
			`r||__vfs_read(void* file, void* buf, size_t count)|size_t|$entry(count)|($latency>1000000)`},
		{`p:c:fork()#fork calls`, `p|c|fork()||||#fork calls`},
		{`u:pthread:pthread_start():u64:arg2`, `u|pthread|pthread_start()|u64|arg2|`},
		{`p:c:nanosleep(struct timespec *req):long:req->tv_nsec`, `p|c|nanosleep(struct timespec* req)|long|req->tv_nsec|`},
		{"p::do_sys_open(int dfd, const char __user *filename,\n int flags, umode_t mode):char*:filename:STRCMP(\"sample.txt\", filename)",
			`p||do_sys_open(int dfd, char __user* filename, int flags, umode_t mode)|char*|filename|STRCMP("sample.txt",filename)`},
		{`p::__vfs_read(struct file *file, void *buf, size_t count):char*,size_t:file->f_path.dentry->d_iname,count:file->f_path.dentry->d_iname[0]!=0`,
			`p||__vfs_read(struct file* file, void* buf, size_t count)|char*,size_t|file->f_path.dentry->d_iname,count|(file->f_path.dentry->d_iname[0]!=0)`},
		{`u:/lib/x86_64-linux-gnu/libc-2.27.so:memory_heap_free():size_t:arg2:arg2>100`, `u|/lib/x86_64-linux-gnu/libc-2.27.so|memory_heap_free()|size_t|arg2|(arg2>100)`},
		{`p::cap_capable():int:ctx->dx`, `p||cap_capable()|int|ctx->dx|`},

		// Without types, and without signatures.
		{`p::vfs_read(file, buf, count):count`, `p||vfs_read(file, buf, count)||count|`},
		{`p::vfs_read(file, buf, count):count:count > 1#x:y#z`, `p||vfs_read(file, buf, count)||count|(count>1)|#x:y#z`},
		{`p::vfs_read()::count,$PID:count`, `p||vfs_read()||count,$PID|count`},
		{`t:sched:sched_switch`, `t|sched|sched_switch()|||`},
		{`p::tcp_*()`, `p||tcp_*()|||`},
		{`p:c:fork():int`, `p|c|fork()|int||`},
		{`p::f(void)`, `p||f()|||`},
		{`p::f(unsigned long long x, char **v)::x`, `p||f(unsigned long long x, char** v)||x|`},
		{` p : c : write ( int fd ) : int : fd : fd # l `, `p|c|write(int fd)|int|fd|fd|#l`},
		{`p::f():int:$COMM=="a#b:c"?1:2:3#l`, `p||f()|int|(($COMM=="a#b:c")?1:2)|3|#l`},
	} {
		s, err := Parse(test.text, known)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", test.text))
		qt.Check(t, qt.Equals(dumpSpec(s), test.want))
	}
}

func TestExpressions(t *testing.T) {
	for text, want := range map[string]string{
		"a+b*c-d":                 "((a+(b*c))-d)",
		"a<<1+2&3==4|5^6":         "(((a<<(1+2))&(3==4))|(5^6))",
		"a||b&&c|d":               "(a||(b&&(c|d)))",
		"-a - -b":                 "((-a)-(-b))",
		"!a&&~b":                  "((!a)&&(~b))",
		"*a.b":                    "(*a.b)",
		"&a->b[1].c":              "(&a->b[1].c)",
		"(u32)-1":                 "(<u32>(-1))",
		"(x)-1":                   "(x-1)",
		"((struct sock *)p)->a.b": "(<struct sock*>p)->a.b",
		"(unsigned char)a+1":      "((<unsigned char>a)+1)",
		"sizeof(int)+sizeof a":    "(sizeof<int>+sizeof(a))",
		"sizeof(struct sock)":     "sizeof<struct sock>",
		"sizeof(a)":               "sizeof(a)",
		"a?b:c?d:e":               "(a?b:(c?d:e))",
		"(a?b,c:d)":               "",
		"0x1fUL+017+0b11+10u+'a'": "((((31ul+15)+3)+10u)+97)",
		`'\n'+'\x41'+'\0'+'\\'`:   "(((10+65)+0)+92)",
		"ntohs(a->b)":             "ntohs(a->b)",
		`STRCMP("a\"b\tc", d)`:    `STRCMP("a\"b\tc",d)`,
		"$entry(a)->b":            "$entry(a)->b",
		"f()->x":                  "f()->x",
		"18446744073709551615":    "18446744073709551615",
		"a>b>=c!=d":               "(((a>b)>=c)!=d)",
		"(const char __user * )a": "(<char __user*>a)",
		"a / b % c":               "((a/b)%c)",
		"(enum pid_type)a == b":   "((<enum pid_type>a)==b)",
		"a\n+\tb":                 "(a+b)",
		"PT_REGS_PARM1(ctx)":      "PT_REGS_PARM1(ctx)",
		"ctx->regs[0]":            "ctx->regs[0]",
		"(long unsigned int)x":    "(<long unsigned int>x)",
		"a & b == c":              "(a&(b==c))",
	} {
		s, err := Parse("p::f():long:"+text, known)
		if want == "" {
			qt.Check(t, qt.IsNotNil(err), qt.Commentf("%s", text))
			continue
		}
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", text))
		qt.Check(t, qt.Equals(dump(s.Exprs[0]), want))
		qt.Check(t, qt.Equals(s.Source(s.Exprs[0].Span()) != "", true))
	}
}
