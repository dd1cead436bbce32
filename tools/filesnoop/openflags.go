package main

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/output"
)

// oTmpfile is the bit of O_TMPFILE that O_DIRECTORY does not have.
const oTmpfile = 0o20000000

// flagWord is a flag with its name.
type flagWord struct {
	bit  uint32
	name string
}

// openFlags are the flags of an open, but for the access mode. Of two that share a
// bit the wider comes first.
var openFlags = []flagWord{
	{unix.O_CREAT, "O_CREAT"}, {unix.O_EXCL, "O_EXCL"}, {unix.O_NOCTTY, "O_NOCTTY"}, {unix.O_TRUNC, "O_TRUNC"},
	{unix.O_APPEND, "O_APPEND"}, {unix.O_NONBLOCK, "O_NONBLOCK"}, {unix.O_SYNC, "O_SYNC"}, {unix.O_DSYNC, "O_DSYNC"},
	{unix.O_ASYNC, "O_ASYNC"}, {unix.O_DIRECT, "O_DIRECT"}, {largefile, "O_LARGEFILE"}, {unix.O_TMPFILE, "O_TMPFILE"},
	{unix.O_DIRECTORY, "O_DIRECTORY"}, {unix.O_NOFOLLOW, "O_NOFOLLOW"}, {unix.O_NOATIME, "O_NOATIME"},
	{unix.O_CLOEXEC, "O_CLOEXEC"}, {unix.O_PATH, "O_PATH"},
}

var renameFlags = []flagWord{{1, "RENAME_NOREPLACE"}, {renameExchange, "RENAME_EXCHANGE"}, {4, "RENAME_WHITEOUT"}}

var mapFlags = []flagWord{{unix.MAP_SHARED_VALIDATE, "MAP_SHARED_VALIDATE"}, {unix.MAP_SHARED, "MAP_SHARED"}}

// accessModes are the lowest two bits.
var accessModes = []string{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"}

const accessMode = 3

// names appends the names of the flags that are set. A flag takes its bits away
// from narrower ones.
func names(dst []string, words []flagWord, bits uint32) []string {
	for _, w := range words {
		if w.bit != 0 && bits&w.bit == w.bit {
			dst = append(dst, w.name)
			bits &^= w.bit
		}
	}
	return dst
}

// flagLists remembers what a number means: there are few.
var flagLists = make(map[[2]uint32][]string)

// flagWords are what the flags of the event's op are called; nil where it has none.
func (e *event) flagWords() []flagWord {
	if e.Flags&flagOpenFlags == 0 {
		return nil
	}
	switch e.op() {
	case opOpen, opCreate, opTmpfile:
		return openFlags
	case opRename:
		return renameFlags
	case opMmap:
		return mapFlags
	}
	return nil
}

func (e *event) rawFlags() output.Value {
	if e.flagWords() == nil {
		return output.Null()
	}
	return output.Uint(uint64(e.OpenFlags))
}

func (e *event) flagsValue() output.Value {
	words := e.flagWords()
	if words == nil {
		return output.Null()
	}
	key := [2]uint32{uint32(len(words)), e.OpenFlags}
	list, ok := flagLists[key]
	if !ok {
		list = []string{}
		if len(words) == len(openFlags) {
			list = append(list, accessModes[e.OpenFlags&accessMode])
		}
		list = names(list, words, e.OpenFlags)
		if len(flagLists) < 4096 { // the numbers are the caller's
			flagLists[key] = list
		}
	}
	return output.TextList(list)
}

// parseOpenFlag reads the name of a flag, as --flag-filter has it.
func parseOpenFlag(s string) (uint32, error) {
	if i := slices.Index(accessModes[:3], s); i > 0 {
		return uint32(i), nil
	}
	for _, w := range openFlags {
		if w.name == s {
			return w.bit, nil
		}
	}
	var all []string
	for _, w := range openFlags {
		all = append(all, w.name)
	}
	return 0, fmt.Errorf("want flags of open: O_WRONLY, O_RDWR, %s", strings.Join(all, ", "))
}
