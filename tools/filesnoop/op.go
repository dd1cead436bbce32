package main

import "slices"

// op is what happened to a file (enum op of filesnoop.h).
type op uint8

const (
	opNone op = iota
	opOpen
	opCreate
	opTmpfile
	opMemfd
	opDelete
	opRename
	opLink
	opSymlink
	opMkdir
	opRmdir
	opMknod
	opTruncate
	opChmod
	opChown
	opSetxattr
	opRemovexattr
	opWrite
	opClose
	opMmap
	opEncrypt
)

// opNames are the values of the field op, by op.
var opNames = []string{"", "open", "create", "tmpfile", "memfd", "delete", "rename", "link", "symlink", "mkdir", "rmdir", "mknod",
	"truncate", "chmod", "chown", "setxattr", "removexattr", "write", "close", "mmap", "encrypt"}

// opSet is a set of ops: a bit for each.
type opSet uint64

func setOf(ops ...op) opSet {
	var s opSet
	for _, o := range ops {
		s |= 1 << o
	}
	return s
}

func (s opSet) has(o op) bool { return s&(1<<o) != 0 }

var (
	opsOpen       = setOf(opOpen, opCreate, opTmpfile)
	opsCreate     = setOf(opCreate, opTmpfile, opMemfd, opLink, opSymlink, opMkdir, opMknod)
	opsDelete     = setOf(opDelete, opRmdir)
	opsWrite      = setOf(opWrite, opClose, opTruncate, opMmap)
	opsAttributes = setOf(opChmod, opChown, opSetxattr, opRemovexattr)
	opsName       = setOf(opDelete, opRename, opLink, opSymlink, opMkdir, opRmdir, opMknod)
	opsDefault    = opsOpen | opsCreate | opsName | setOf(opTruncate)
)

// String is the name of an op.
func (o op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return ""
}

// opByName returns an op, or opNone.
func opByName(name string) op {
	return op(max(slices.Index(opNames, name), 0))
}
