package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"net/netip"
	"slices"
	"strconv"
)

// socket is a line of /proc/net/tcp and its like.
type socket struct {
	addr  netip.AddrPort
	state uint8
	uid   uint32
	inode uint64
}

// States in those files. An unconnected socket of UDP has that of a closed one of
// TCP.
const (
	stateUnconnected = 7
	stateListen      = 10
)

// readSockets reads such a file and hands over every socket that listens. Lines
// that it does not understand are left out: the head, and what a kernel may add.
func readSockets(r io.Reader, state uint8, add func(socket)) error {
	in := bufio.NewScanner(r)
	for in.Scan() {
		if s, ok := parseSocket(in.Bytes()); ok && s.state == state && s.addr.Port() != 0 {
			add(s)
		}
	}
	return in.Err()
}

// Columns of the files.
const (
	columnLocal = 1
	columnState = 3
	columnUID   = 7
	columnInode = 9
)

func parseSocket(line []byte) (s socket, ok bool) {
	f := bytes.Fields(line)
	if len(f) <= columnInode {
		return s, false
	}
	state, err := strconv.ParseUint(string(f[columnState]), 16, 8)
	uid, err2 := strconv.ParseUint(string(f[columnUID]), 10, 32)
	number, err3 := strconv.ParseUint(string(f[columnInode]), 10, 64)
	if err != nil || err2 != nil || err3 != nil {
		return s, false
	}
	s.state, s.uid, s.inode = uint8(state), uint32(uid), number
	s.addr, ok = parseHexAddr(f[columnLocal])
	return s, ok
}

// parseHexAddr reads 0100007F:1F90, or four such groups for IPv6. The kernel
// prints addresses as numbers in its own byte order, ports as what they are.
func parseHexAddr(text []byte) (a netip.AddrPort, ok bool) {
	addr, port, found := bytes.Cut(text, []byte(":"))
	if !found {
		return a, false
	}
	p, err := strconv.ParseUint(string(port), 16, 16)
	if err != nil {
		return a, false
	}
	var raw [16]byte
	if len(addr) != 2*4 && len(addr) != 2*len(raw) {
		return a, false
	}
	n, err := hex.Decode(raw[:], addr)
	if err != nil {
		return a, false
	}
	for i := 0; i < n; i += 4 { // both architectures are little-endian
		slices.Reverse(raw[i : i+4])
	}
	ip, _ := netip.AddrFromSlice(raw[:n])
	return netip.AddrPortFrom(ip.Unmap(), uint16(p)), true
}
