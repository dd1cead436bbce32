package tables

import (
	"errors"
	"fmt"
	"io"
)

// NSS is where functions of a libssl3.so begin in the file, in bytes, which is what a uprobe takes.
// The first argument of each is the PRFileDesc of the connection.
type NSS struct {
	Close uint64 // (fd)
	Read  uint64 // (fd, buffer, size) returns bytes; -1 for an error
	Write uint64 // as Read
	Recv  uint64 // (fd, buffer, size, flags, timeout), as Read; flags can ask for a peek
	Send  uint64 // as Recv
}

// Places in PRIOMethods, in words. The kind is in the first, and has 32 bits.
const (
	slotClose      = 1
	slotRead       = 2
	slotWrite      = 3
	slotRecv       = 17
	slotSend       = 18
	slotAcceptRead = 22
	slotLast       = 25 // getpeername, the last before some that have been given up
	slotSendFile   = 30

	layered = 4 // PR_DESC_LAYERED
)

// Methods of every layer that are NSPR's own.
const (
	acceptRead = "PR_EmulateAcceptRead"
	sendFile   = "PR_EmulateSendFile"
)

// ErrLayout says that no table was found, or more than one.
var ErrLayout = errors.New("unknown layout: its table of methods was not found")

// FindNSS finds them in a libssl3.so, or in another library with it inside. size is that of the file.
func FindNSS(r io.ReaderAt, size int64) (found NSS, err error) {
	defer func() {
		if p := recover(); p != nil { // the standard library reads files that it trusts
			found, err = NSS{}, fmt.Errorf("find methods of NSS: %v", p)
		}
	}()
	im, err := readImage(r, size, acceptRead, sendFile)
	if err != nil {
		return found, fmt.Errorf("find methods of NSS: %w", err)
	}
	found, err = im.findNSS()
	if err != nil {
		return found, fmt.Errorf("find methods of NSS: %w", err)
	}
	return found, nil
}

func (im *image) findNSS() (found NSS, err error) {
	n := 0
	add := func(m NSS, ok bool) {
		if ok && m != found {
			found = m
			n++
		}
	}
	// A table that was left as it is.
	for _, s := range im.segments {
		for at := s.addr; !s.executable && at-s.addr+slotSendFile*word < uint64(len(s.bytes)); at += word {
			add(im.nss(at, 0, im.load))
		}
	}
	// One that code fills.
	for _, f := range im.functions {
		code := im.code(f)
		if len(code) > maxFunction {
			continue
		}
		stored, _ := im.run(code, f.addr)
		for at, v := range stored {
			if v.known && v.name == "" && v.n == layered {
				add(im.nss(at, f.addr, func(at uint64) value { return stored[at] }))
			}
		}
	}
	if n != 1 {
		return NSS{}, ErrLayout
	}
	return found, nil
}

// nss reads a table, if it is one. The function that fills it, at filler, is none of those in it.
func (im *image) nss(table, filler uint64, load func(uint64) value) (m NSS, ok bool) {
	slot := func(n uint64) value { return load(table + n*word) }
	if kind := slot(0); !kind.known || kind.name != "" || kind.n != layered {
		return m, false
	}
	if !im.is(slot(slotAcceptRead), acceptRead) || !im.is(slot(slotSendFile), sendFile) {
		return m, false
	}
	seen := map[uint64]bool{filler: true}
	for n := uint64(1); n <= slotLast; n++ {
		v := slot(n)
		if n == slotAcceptRead {
			continue
		}
		if _, ok := im.offset(v.n); !v.known || v.name != "" || !ok || seen[v.n] || !im.begins(v.n) {
			return m, false
		}
		seen[v.n] = true
	}
	for n, to := range map[uint64]*uint64{slotClose: &m.Close, slotRead: &m.Read, slotWrite: &m.Write, slotRecv: &m.Recv, slotSend: &m.Send} {
		*to, _ = im.offset(slot(n).n)
	}
	return m, true
}
