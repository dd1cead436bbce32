package main

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/trace"
)

// fields are all that is known of an event, in the order of JSON and CSV.
var fields = append(append(trace.HeadFields("filesnoop", func(e *event) *trace.Head { return &e.Head }),
	output.Field[event]{Name: "op", Type: output.TypeText, Enum: opNames[1:], Doc: "What happened. open is of a file that was there, create of one that the open made; tmpfile and memfd are files without a name; write is the first one to an open file, and close the end of a file that was written; mmap is shared and writable; encrypt is of a library of cryptography, which is path, by the function that is name, or of the kernel (AF_ALG), without path, by the algorithm that is name, such as cbc(aes). A failed open is an open, whatever it would have made.",
		Get: func(e *event) output.Value { return output.Text(e.op().String()) }},
	output.Field[event]{Name: "ret", Type: output.TypeInt, Doc: "Result: 0 or a descriptor, or a negative errno.",
		Get: func(e *event) output.Value { return output.Int(int64(e.Ret)) }},
	output.Field[event]{Name: "error", Type: output.TypeText, Nullable: true, Doc: "Name of the errno, such as ENOENT; null for a success.",
		Get: func(e *event) output.Value { return output.Errno(e.Ret) }},
	output.Field[event]{Name: "path", Type: output.TypeBytes, Nullable: true, Doc: "Full path from the root of the mount namespace; of a file without a place, such as a memfd, its bare name; null if it could not be read. It begins with ... where it is longer than 4095 bytes.",
		Get: func(e *event) output.Value { return bytesOrNull(e.path) }},
	output.Field[event]{Name: "path2", Type: output.TypeBytes, Nullable: true, Doc: "The other path: the new one of a rename or a link, the target of a symbolic link as it stands in it; null for other ops.",
		Get: func(e *event) output.Value { return bytesOrNull(e.path2) }},
	output.Field[event]{Name: "name", Type: output.TypeBytes, Nullable: true, Doc: "The name as the caller gave it, relative or not; null if it gave none (a descriptor), or if it could not be read.",
		Get: func(e *event) output.Value { return bytesOrNull(e.name) }},
	output.Field[event]{Name: "name2", Type: output.TypeBytes, Nullable: true, Doc: "The other name as given; of an extended attribute its name, of an encrypt by the kernel its kind, skcipher or aead.",
		Get: func(e *event) output.Value { return bytesOrNull(e.name2) }},
	output.Field[event]{Name: "path_truncated", Type: output.TypeBool, Doc: "Whether path or path2 lacks its beginning.",
		Get: func(e *event) output.Value { return output.Bool(e.Flags&(flagPathCut|flagPath2Cut) != 0) }},
	output.Field[event]{Name: "path_unreadable", Type: output.TypeBool, Doc: "Whether a name as given could not be read from the caller's memory.",
		Get: func(e *event) output.Value { return output.Bool(e.Flags&flagUnreadable != 0) }},
	output.Field[event]{Name: "path_lexical", Type: output.TypeBool, Doc: "Whether path was made of a directory and the name as given: links within the name are not followed then.",
		Get: func(e *event) output.Value { return output.Bool(e.Flags&(flagBase|flagBase2) != 0) }},
	output.Field[event]{Name: "fd", Type: output.TypeInt, Nullable: true, Doc: "Descriptor that was got, or that the file was given by; -1 for a failed open; null where there is none, as in io_uring.",
		Get: func(e *event) output.Value { return e.ifKnown(flagFd, output.Int(int64(e.Fd))) }},
	output.Field[event]{Name: "flags", Type: output.TypeTextList, Nullable: true, Doc: "Flags of an open (O_*), of a rename (RENAME_*) or of a mapping (MAP_*), by name; null for other ops.",
		Get: func(e *event) output.Value { return e.flagsValue() }},
	output.Field[event]{Name: "flags_raw", Type: output.TypeUint, Nullable: true, Doc: "The same as a number.",
		Get: func(e *event) output.Value { return e.rawFlags() }},
	output.Field[event]{Name: "mode", Type: output.TypeText, Nullable: true, Doc: "Permissions in octal that a new file was asked for with, before the umask, or that chmod sets; null for other ops.",
		Get: func(e *event) output.Value { return e.modeValue() }},
	output.Field[event]{Name: "owner", Type: output.TypeInt, Nullable: true, Doc: "User id that chown sets, -1 for none; null for other ops.",
		Get: func(e *event) output.Value { return e.ofChown(e.Owner) }},
	output.Field[event]{Name: "group", Type: output.TypeInt, Nullable: true, Doc: "Group id that chown sets, -1 for none; null for other ops.",
		Get: func(e *event) output.Value { return e.ofChown(e.Group) }},
	output.Field[event]{Name: "bytes", Type: output.TypeUint, Nullable: true, Doc: "Bytes that were written, of a close all of them since the file was opened; of a truncate the new length, of an encrypt those that went through the cipher; null for other ops.",
		Get: func(e *event) output.Value { return e.ifKnown(flagSize, output.Uint(e.Bytes)) }},
	output.Field[event]{Name: "writes", Type: output.TypeUint, Nullable: true, Doc: "How many calls wrote them; null for other ops than write, close and encrypt.",
		Get: func(e *event) output.Value {
			if e.op() != opWrite && e.op() != opClose && e.op() != opEncrypt {
				return output.Null()
			}
			return output.Uint(e.Writes)
		}},
	output.Field[event]{Name: "entropy", Type: output.TypeUint, Nullable: true, Doc: "With --entropy, how much disorder is in the first bytes that were written, up to 1024 of them: thousandths of a bit for each byte, from 0 to 8000; null where they are fewer than 256 or not known.",
		Get: func(e *event) output.Value {
			if e.entropy < 0 {
				return output.Null()
			}
			return output.Uint(uint64(e.entropy))
		}},
	output.Field[event]{Name: "content", Type: output.TypeText, Nullable: true, Enum: contentNames[1:], Doc: "What these bytes are: plain, where they have an order; packed, where they begin as a format that has none, such as .gz or .jpg; random, where they have none and no such beginning, as what is encrypted; null where that is not known.",
		Get: func(e *event) output.Value { return textOrNull(contentNames[e.content]) }},
	output.Field[event]{Name: "file_type", Type: output.TypeText, Nullable: true, Enum: []string{"file", "dir", "link", "char", "block", "fifo", "socket", "other"}, Doc: "Kind of the file; null if it is not known.",
		Get: func(e *event) output.Value { return e.ifKnown(flagInode, output.Text(fileType(e.FileMode))) }},
	output.Field[event]{Name: "size", Type: output.TypeUint, Nullable: true, Doc: "Bytes of the file after it; null if they are not known.",
		Get: func(e *event) output.Value { return e.ifKnown(flagInode, output.Uint(e.Size)) }},
	output.Field[event]{Name: "inode", Type: output.TypeUint, Nullable: true, Doc: "Inode of the file; null if it is not known.",
		Get: func(e *event) output.Value { return e.ifKnown(flagInode, output.Uint(e.Inode)) }},
	output.Field[event]{Name: "dev", Type: output.TypeText, Nullable: true, Doc: "Device of the file, MAJOR:MINOR.",
		Get: func(e *event) output.Value { return e.ifKnown(flagInode, output.Text(device(e.Dev))) }},
	output.Field[event]{Name: "age_ns", Type: output.TypeUint, Nullable: true, Doc: "Of a deleted file, nanoseconds since it was made; null if that was not seen.",
		Get: func(e *event) output.Value {
			if e.age < 0 {
				return output.Null()
			}
			return output.Uint(uint64(e.age))
		}},
	output.Field[event]{Name: "exe", Type: output.TypeBytes, Nullable: true, Doc: "Full path of the process's executable; null for a thread of the kernel.",
		Get: func(e *event) output.Value { return bytesOrNull(e.exe) }},
	output.Field[event]{Name: "start_ns", Type: output.TypeUint, Nullable: true, Doc: "When the process began, in nanoseconds of the kernel's monotonic clock: with pid it names a process for good.",
		Get: func(e *event) output.Value { return e.ifKnown(flagDetails, output.Uint(e.StartNs)) }},
	output.Field[event]{Name: "user", Type: output.TypeBytes, Nullable: true, Doc: "Name of uid in /etc/passwd.",
		Get: func(e *event) output.Value {
			if len(e.user) == 0 {
				return output.Null()
			}
			return output.Bytes(e.user)
		}},
	output.Field[event]{Name: "gid", Type: output.TypeUint, Doc: "Real group id.",
		Get: func(e *event) output.Value { return output.Uint(uint64(e.bpfFileRecord.Head.Gid)) }},
), ruleFields...)

func bytesOrNull(b []byte) output.Value {
	if b == nil {
		return output.Null()
	}
	return output.Bytes(b)
}

// ifKnown is null where the record does not have the value.
func (e *event) ifKnown(flag uint32, v output.Value) output.Value {
	if e.Flags&flag == 0 {
		return output.Null()
	}
	return v
}

func (e *event) ofChown(id uint32) output.Value {
	if e.op() != opChown {
		return output.Null()
	}
	return output.Int(int64(int32(id)))
}

// permissions are the bits of a mode that chmod can set.
const permissions = 0o7777

// hasMode reports whether the mode that was asked for means something.
func (e *event) hasMode() bool {
	switch e.op() {
	case opOpen, opCreate, opTmpfile:
		return e.OpenFlags&(unix.O_CREAT|oTmpfile) != 0 || e.op() == opCreate
	case opMkdir, opMknod, opChmod:
		return true
	}
	return false
}

func (e *event) modeValue() output.Value {
	if e.Flags&flagOpenFlags == 0 || !e.hasMode() {
		return output.Null()
	}
	return output.Text(octal(e.Mode & permissions))
}

// octals remembers the text of modes: there are few.
var octals = make(map[uint32]string)

func octal(n uint32) string {
	s, ok := octals[n]
	if !ok {
		s = "0" + strconv.FormatUint(uint64(n), 8)
		octals[n] = s
	}
	return s
}

// fileTypes are the names of kinds of files.
var fileTypes = map[uint32]string{
	unix.S_IFREG: "file", unix.S_IFDIR: "dir", unix.S_IFLNK: "link", unix.S_IFCHR: "char",
	unix.S_IFBLK: "block", unix.S_IFIFO: "fifo", unix.S_IFSOCK: "socket",
}

func fileType(mode uint32) string {
	if name, ok := fileTypes[mode&unix.S_IFMT]; ok {
		return name
	}
	return "other"
}

// modeOf is the mode of a kind of file, 0 for none.
func modeOf(name string) uint32 {
	for mode, n := range fileTypes {
		if n == name {
			return mode
		}
	}
	return 0
}

// devices remembers the text of device numbers: there are few.
var devices = make(map[uint32]string)

// device formats a kernel dev_t (20 bits of minor number).
func device(dev uint32) string {
	s, ok := devices[dev]
	if !ok {
		s = strconv.FormatUint(uint64(dev>>20), 10) + ":" + strconv.FormatUint(uint64(dev&0xfffff), 10)
		devices[dev] = s
	}
	return s
}

// parseDevice is device backwards; 0 for what it did not write.
func parseDevice(s string) uint32 {
	major, minor, _ := strings.Cut(s, ":")
	a, _ := strconv.ParseUint(major, 10, 12)
	b, _ := strconv.ParseUint(minor, 10, 20)
	return uint32(a<<20 | b)
}
