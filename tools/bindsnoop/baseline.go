package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A baseline is a list of listeners that are expected, one a line:
//
//	# a comment
//	tcp 0.0.0.0 22 /usr/sbin/sshd
//	tcp :: 8000-8100
//	udp * * /usr/sbin/avahi-daemon
//	udp 0.0.0.0 51820 -
//
// The executable may be left out for any; - is for the kernel's own sockets. One
// with special characters is in quotation marks, as Go writes strings.
type baseline struct {
	exact    map[place][]program
	patterns []entry
}

// entry is a line of the list.
type entry struct {
	protocol string
	addr     netip.Addr // the zero Addr for any
	ports    portRange
	program  program
}

// place is where a socket listens.
type place struct {
	protocol string
	addr     netip.Addr
	port     uint16
}

// program is the executable of an entry.
type program struct {
	any bool
	exe string // "" for the kernel itself
}

func (p program) matches(exe []byte) bool { return p.any || p.exe == string(exe) }

// Limits of a file that is not to be a listener's doing.
const (
	maxLine    = 16 << 10
	maxEntries = 1 << 20
)

// readBaseline reads a list.
func readBaseline(r io.Reader) (*baseline, error) {
	b := &baseline{exact: make(map[place][]program)}
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	for n := 1; in.Scan(); n++ {
		text := bytes.TrimSpace(in.Bytes())
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		if n > maxEntries {
			return nil, fmt.Errorf("line %d: more lines than %d", n, maxEntries)
		}
		e, err := parseEntry(string(text))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		b.add(e)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return b, nil
}

func parseEntry(line string) (entry, error) {
	protocol, rest := cutWord(line)
	addr, rest := cutWord(rest)
	ports, exe := cutWord(rest)
	e := entry{protocol: protocol, program: program{any: true}}
	if ports == "" {
		return e, fmt.Errorf("want PROTOCOL ADDRESS PORT [EXECUTABLE]")
	}
	if protocol != "tcp" && protocol != "udp" {
		return e, fmt.Errorf("protocol %q: want tcp or udp", protocol)
	}
	var err error
	if addr != "*" {
		if e.addr, err = netip.ParseAddr(addr); err != nil || e.addr.Zone() != "" {
			return e, fmt.Errorf("address %q: want an IP address without a zone, or *", addr)
		}
		e.addr = e.addr.Unmap()
	}
	e.ports = portRange{0, maxPort}
	if ports != "*" {
		if e.ports, err = parsePorts(ports); err != nil {
			return e, fmt.Errorf("port %q: %w, or *", ports, err)
		}
	}
	if exe != "" {
		e.program, err = parseProgram(exe)
	}
	return e, err
}

func parseProgram(exe string) (program, error) {
	switch {
	case exe == "-":
		return program{}, nil
	case exe[0] == '"':
		s, err := strconv.Unquote(exe)
		if err != nil || s == "" {
			return program{}, fmt.Errorf("executable %s: want a string in quotation marks that is not empty", exe)
		}
		return program{exe: s}, nil
	}
	return program{exe: exe}, nil
}

// cutWord cuts off the first word, and the spaces behind it.
func cutWord(s string) (word, rest string) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], " \t")
}

func (b *baseline) add(e entry) {
	if e.addr.IsValid() && e.ports.low == e.ports.high {
		at := place{e.protocol, e.addr, e.ports.low}
		b.exact[at] = append(b.exact[at], e.program)
		return
	}
	b.patterns = append(b.patterns, e)
}

// has reports whether the listener is expected.
func (b *baseline) has(at place, exe []byte) bool {
	for _, p := range b.exact[at] {
		if p.matches(exe) {
			return true
		}
	}
	for _, e := range b.patterns {
		if e.protocol == at.protocol && e.ports.has(at.port) && (!e.addr.IsValid() || e.addr == at.addr) && e.program.matches(exe) {
			return true
		}
	}
	return false
}

// openBaseline reads the list in a file.
func openBaseline(path string) (*baseline, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--baseline: %w", err)
	}
	defer f.Close()
	b, err := readBaseline(f)
	if err != nil {
		return nil, fmt.Errorf("--baseline: %s: %w", path, err)
	}
	return b, nil
}

// baselineLine writes an entry for exactly this listener.
func baselineLine(at place, exe []byte) string {
	program := "-"
	if len(exe) > 0 {
		program = quoteProgram(string(exe))
	}
	return fmt.Sprintf("%s %s %d %s", at.protocol, at.addr, at.port, program)
}

// quoteProgram puts a path into quotation marks where it would not come back as
// it is.
func quoteProgram(exe string) string {
	plain := utf8.ValidString(exe) && exe == strings.TrimSpace(exe) && exe != "-" && exe[0] != '"'
	for _, r := range exe {
		plain = plain && strconv.IsPrint(r)
	}
	if plain {
		return exe
	}
	return strconv.Quote(exe)
}
