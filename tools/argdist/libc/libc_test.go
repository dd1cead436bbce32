package libc

import (
	"testing"
	"unsafe"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

func TestWords(t *testing.T) {
	for name, want := range map[string]string{
		"int": "int", "unsigned": "unsigned int", "long": "long", "long int": "long", "unsigned long int": "unsigned long",
		"long unsigned int": "unsigned long", "long long": "long long", "int long unsigned long": "unsigned long long",
		"short": "short", "unsigned short int": "unsigned short", "char": "char", "unsigned char": "unsigned char", "signed char": "signed char",
		"signed": "int", "void": "void", "_Bool": "_Bool", "double": "double",
		"long long long": "", "unsigned signed": "", "short long": "", "unsigned void": "", "int int": "", "char int": "", "": "", "x": "", "long _Bool": "",
	} {
		typ, ok := Named(name)
		qt.Check(t, qt.Equals(ok, want != ""), qt.Commentf("%q", name))
		if ok {
			qt.Check(t, qt.Equals(typ.String(), want))
		}
	}
	for name, want := range map[string]string{
		"u8": "unsigned char", "__u16": "unsigned short", "uint32_t": "unsigned int", "s64": "long long", "int8_t": "signed char", "size_t": "unsigned long", "pid_t": "int",
	} {
		typ, ok := Named(name)
		qt.Assert(t, qt.IsTrue(ok), qt.Commentf("%s", name))
		qt.Check(t, qt.Equals(typ.String(), name))
		qt.Check(t, qt.Equals(ctype.Underlying(typ).String(), want))
	}
}

// TestStructs compares with what Go's libraries know of the same structs.
func TestStructs(t *testing.T) {
	type at = map[string]uintptr
	var (
		in  unix.RawSockaddrInet4
		in6 unix.RawSockaddrInet6
		un  unix.RawSockaddrUnix
		msg unix.Msghdr
		ts  unix.Timespec
		iov unix.Iovec
		its unix.ItimerSpec
		fds unix.PollFd
	)
	for name, want := range map[string]struct {
		size uintptr
		at   at
	}{
		"timespec":     {unsafe.Sizeof(ts), at{"tv_nsec": unsafe.Offsetof(ts.Nsec)}},
		"itimerspec":   {unsafe.Sizeof(its), at{"it_value": unsafe.Offsetof(its.Value)}},
		"iovec":        {unsafe.Sizeof(iov), at{"iov_len": unsafe.Offsetof(iov.Len)}},
		"sockaddr":     {16, at{"sa_data": 2}},
		"sockaddr_in":  {unsafe.Sizeof(in), at{"sin_port": unsafe.Offsetof(in.Port), "sin_addr": unsafe.Offsetof(in.Addr)}},
		"sockaddr_in6": {unsafe.Sizeof(in6), at{"sin6_addr": unsafe.Offsetof(in6.Addr), "sin6_scope_id": unsafe.Offsetof(in6.Scope_id)}},
		"sockaddr_un":  {unsafe.Sizeof(un), at{"sun_path": unsafe.Offsetof(un.Path)}},
		"msghdr":       {unsafe.Sizeof(msg), at{"msg_iov": unsafe.Offsetof(msg.Iov), "msg_controllen": unsafe.Offsetof(msg.Controllen), "msg_flags": unsafe.Offsetof(msg.Flags)}},
		"pollfd":       {unsafe.Sizeof(fds), at{"revents": unsafe.Offsetof(fds.Revents)}},
		"addrinfo":     {48, at{"ai_addr": 24, "ai_canonname": 32, "ai_next": 40}},
	} {
		typ, ok := Tagged("struct", name)
		qt.Assert(t, qt.IsTrue(ok), qt.Commentf("%s", name))
		qt.Check(t, qt.Equals(typ.Size(), int(want.size)), qt.Commentf("%s", name))
		for member, offset := range want.at {
			m, ok := typ.(*ctype.Struct).Member(member)
			qt.Assert(t, qt.IsTrue(ok))
			qt.Check(t, qt.Equals(m.Offset, int(offset)*8), qt.Commentf("%s.%s", name, member))
		}
	}
	_, ok := Tagged("union", "timespec")
	qt.Check(t, qt.IsFalse(ok))
	_, ok = Tagged("enum", "timespec")
	qt.Check(t, qt.IsFalse(ok))
}

func TestConstants(t *testing.T) {
	for name, want := range map[string]int64{
		"ENOENT": 2, "EWOULDBLOCK": 11, "EHWPOISON": 133, "SIGKILL": 9, "CAP_SYS_ADMIN": 21, "AF_INET6": 10, "O_CREAT": 0o100, "AT_FDCWD": -100, "NULL": 0,
	} {
		v, ok := Constant(name)
		qt.Check(t, qt.IsTrue(ok), qt.Commentf("%s", name))
		qt.Check(t, qt.Equals(v, want), qt.Commentf("%s", name))
	}
	for _, name := range []string{"ENOSUCH", "SIGNAL", "CAP_", "CAP_99", "CAP_chown", "x", ""} {
		_, ok := Constant(name)
		qt.Check(t, qt.IsFalse(ok), qt.Commentf("%q", name))
	}
}
