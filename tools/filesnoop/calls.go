package main

import (
	"runtime"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/syscallname"
)

// callsMax is CALLS_MAX.
const callsMax = 512

// call says which arguments of a system call are what: their places from 0, or
// none.
type call struct {
	op                          op
	how, splices                bool
	dirfd, name, dirfd2, name2  int8
	flags, mode, fd, size, user int8
}

const none = -1

// callOf begins a description.
func callOf(o op) call {
	return call{o, false, false, none, none, none, none, none, none, none, none, none}
}

func (c call) at(dirfd, name int8) call     { c.dirfd, c.name = dirfd, name; return c }
func (c call) second(dirfd, name int8) call { c.dirfd2, c.name2 = dirfd, name; return c }
func (c call) with(flags, mode int8) call   { c.flags, c.mode = flags, mode; return c }
func (c call) file(fd int8) call            { c.fd = fd; return c }
func (c call) length(size int8) call        { c.size = size; return c }
func (c call) owner(user int8) call         { c.user = user; return c }
func (c call) copying() call                { c.splices = true; return c }
func (c call) struct_() call                { c.how = true; return c }

// calls are the system calls that do something to files, by name. Names that an
// architecture does not have are left out there.
var calls = map[string]call{
	"open":    callOf(opOpen).at(none, 0).with(1, 2),
	"creat":   callOf(opOpen).at(none, 0).with(none, 1),
	"openat":  callOf(opOpen).at(0, 1).with(2, 3),
	"openat2": callOf(opOpen).at(0, 1).with(2, 2).struct_(),

	"memfd_create": callOf(opMemfd).at(none, 0).with(1, none),

	"unlink":    callOf(opDelete).at(none, 0),
	"unlinkat":  callOf(opDelete).at(0, 1).with(2, none),
	"rmdir":     callOf(opRmdir).at(none, 0),
	"rename":    callOf(opRename).at(none, 0).second(none, 1),
	"renameat":  callOf(opRename).at(0, 1).second(2, 3),
	"renameat2": callOf(opRename).at(0, 1).second(2, 3).with(4, none),
	"link":      callOf(opLink).at(none, 0).second(none, 1),
	"linkat":    callOf(opLink).at(0, 1).second(2, 3).with(4, none),
	"symlink":   callOf(opSymlink).at(none, 1).second(none, 0),
	"symlinkat": callOf(opSymlink).at(1, 2).second(none, 0),
	"mkdir":     callOf(opMkdir).at(none, 0).with(none, 1),
	"mkdirat":   callOf(opMkdir).at(0, 1).with(none, 2),
	"mknod":     callOf(opMknod).at(none, 0).with(none, 1),
	"mknodat":   callOf(opMknod).at(0, 1).with(none, 2),

	"truncate":    callOf(opTruncate).at(none, 0).length(1),
	"ftruncate":   callOf(opTruncate).file(0).length(1),
	"truncate64":  callOf(opTruncate).at(none, 0).length(1),
	"ftruncate64": callOf(opTruncate).file(0).length(1),

	"chmod":        callOf(opChmod).at(none, 0).with(none, 1),
	"fchmod":       callOf(opChmod).file(0).with(none, 1),
	"fchmodat":     callOf(opChmod).at(0, 1).with(none, 2),
	"fchmodat2":    callOf(opChmod).at(0, 1).with(3, 2),
	"chown":        callOf(opChown).at(none, 0).owner(1),
	"lchown":       callOf(opChown).at(none, 0).owner(1),
	"chown32":      callOf(opChown).at(none, 0).owner(1),
	"lchown32":     callOf(opChown).at(none, 0).owner(1),
	"fchown":       callOf(opChown).file(0).owner(1),
	"fchown32":     callOf(opChown).file(0).owner(1),
	"fchownat":     callOf(opChown).at(0, 1).owner(2),
	"setxattr":     callOf(opSetxattr).at(none, 0).second(none, 1),
	"lsetxattr":    callOf(opSetxattr).at(none, 0).second(none, 1),
	"fsetxattr":    callOf(opSetxattr).file(0).second(none, 1),
	"removexattr":  callOf(opRemovexattr).at(none, 0).second(none, 1),
	"lremovexattr": callOf(opRemovexattr).at(none, 0).second(none, 1),
	"fremovexattr": callOf(opRemovexattr).file(0).second(none, 1),

	"write":           callOf(opWrite).file(0).at(none, 1),
	"pwrite64":        callOf(opWrite).file(0).at(none, 1),
	"writev":          callOf(opWrite).file(0).at(none, 1).struct_(),
	"pwritev":         callOf(opWrite).file(0).at(none, 1).struct_(),
	"pwritev2":        callOf(opWrite).file(0).at(none, 1).struct_(),
	"sendfile":        callOf(opWrite).file(0),
	"sendfile64":      callOf(opWrite).file(0),
	"splice":          callOf(opWrite).file(2),
	"copy_file_range": callOf(opWrite).file(2).copying(),

	"close": callOf(opClose).file(0),
	"dup2":  callOf(opClose).file(1),
	"dup3":  callOf(opClose).file(1),

	"mmap":  callOf(opMmap).file(4).with(3, 2),
	"mmap2": callOf(opMmap).file(4).with(3, 2),
}

// wanted are the calls for a set of ops. An open may turn out to make a file.
func (c call) wanted(ops opSet) bool {
	if c.op == opOpen {
		return ops.has(opOpen) || ops.has(opCreate) || ops.has(opTmpfile)
	}
	if c.op == opWrite || c.op == opClose {
		return ops.has(opWrite) || ops.has(opClose)
	}
	if c.op == opDelete { // unlinkat removes directories as well
		return ops.has(opDelete) || ops.has(opRmdir)
	}
	return ops.has(c.op)
}

// fillCalls writes the descriptions of the calls for a set of ops into a map.
func fillCalls(m *ebpf.MapSpec, ops opSet, compat bool) {
	m.Contents = nil
	for nr := range callsMax {
		name := syscallname.Name(nr, compat)
		c, ok := calls[name]
		if !ok || !c.wanted(ops) {
			continue
		}
		if compat && name == "mmap" && runtime.GOARCH == "amd64" {
			continue // its arguments are in memory; nobody calls it any more
		}
		if compat && runtime.GOARCH == "arm64" && strings.HasSuffix(name, "truncate64") {
			c.size++ // a pair of registers begins with an even one
		}
		m.Contents = append(m.Contents, ebpf.MapKV{Key: uint32(nr), Value: c.desc()})
	}
}

func (c call) desc() bpfCallDesc {
	d := bpfCallDesc{Op: uint8(c.op), Dirfd: c.dirfd, Name: c.name, Dirfd2: c.dirfd2, Name2: c.name2,
		Flags: c.flags, Mode: c.mode, Fd: c.fd, Size: c.size, User: c.user}
	if c.how {
		d.How = 1
	}
	if c.splices {
		d.Splices = 1
	}
	return d
}
