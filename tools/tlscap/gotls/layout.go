package gotls

import (
	"debug/dwarf"
	"debug/elf"
	"errors"
	"fmt"
	"io"
)

// Conn says where a *tls.Conn leads to its file descriptor, in bytes:
//
//	*tls.Conn + Conn  -> an interface: its type, and Data bytes further the pointer to what is in it
//	*net.TCPConn + FD -> *net.netFD
//	*net.netFD + Sysfd   the descriptor, 8 bytes
//
// It holds for connections over what net.Dial and net.Listen return. Whoever wraps them has something else in the
// interface: the descriptor must be checked before it is believed (see [Conn.Plausible]).
type Conn struct {
	Conn, Data, FD, Sysfd uint64
	Source                string // "known layout" or "DWARF"
}

// knownConn is the layout from Go 1.11 to 1.26, which the tests compare with what compilers say.
var knownConn = Conn{Conn: 0, Data: 8, FD: 0, Sysfd: 16, Source: "known layout"}

// maxFD is more than any process may open (fs.nr_open).
const maxFD = 1 << 30

// Plausible reports whether a word that was read as descriptor can be one. Whether it is a socket, /proc/PID/fd tells.
func (c Conn) Plausible(fd uint64) bool { return fd > 0 && fd < maxFD }

// maxDWARF bounds the debug information that is read. That of very large programs takes a second.
const maxDWARF = 256 << 20

var errNoDWARF = errors.New("no debug information")

// ConnFromDWARF asks the debug information of a program, which is there unless it was stripped.
func ConnFromDWARF(file io.ReaderAt) (c Conn, err error) {
	defer func() {
		if r := recover(); r != nil { // the standard library reads files that it trusts
			err = fmt.Errorf("read debug information: %v", r)
		}
	}()
	f, err := elf.NewFile(file)
	if err != nil {
		return c, fmt.Errorf("read debug information: %w", err)
	}
	total := uint64(0)
	for _, s := range f.Sections {
		if len(s.Name) > 6 && (s.Name[:6] == ".debug" || s.Name[:6] == ".zdebu") {
			total += min(s.Size, 1<<40)
		}
	}
	if total == 0 {
		return c, errNoDWARF
	}
	if total > maxDWARF {
		return c, fmt.Errorf("debug information of %d bytes: too large", total)
	}
	d, err := f.DWARF()
	if err != nil {
		return c, fmt.Errorf("read debug information: %w", err)
	}
	fields, err := fieldOffsets(d, map[string]string{
		"crypto/tls.Conn": "conn", "net.conn": "fd", "net.netFD": "pfd", "internal/poll.FD": "Sysfd", "runtime.iface": "data",
	})
	if err != nil {
		return c, err
	}
	return Conn{
		Conn: fields["crypto/tls.Conn"], Data: fields["runtime.iface"], FD: fields["net.conn"],
		Sysfd: fields["net.netFD"] + fields["internal/poll.FD"], Source: "DWARF",
	}, nil
}

// fieldOffsets returns the offset of one field of each of some structures.
func fieldOffsets(d *dwarf.Data, wanted map[string]string) (map[string]uint64, error) {
	out := make(map[string]uint64, len(wanted))
	for r := d.Reader(); len(out) < len(wanted); {
		e, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("read debug information: %w", err)
		}
		if e == nil {
			return nil, errNoDWARF
		}
		switch e.Tag {
		case dwarf.TagCompileUnit:
			continue
		case dwarf.TagStructType:
			name, _ := e.Val(dwarf.AttrName).(string)
			field, ok := wanted[name]
			if _, have := out[name]; !ok || have {
				break
			}
			for {
				m, err := r.Next()
				if err != nil || m == nil || m.Tag == 0 {
					break
				}
				if at, ok := m.Val(dwarf.AttrDataMemberLoc).(int64); ok && m.Val(dwarf.AttrName) == field && at >= 0 {
					out[name] = uint64(at)
				}
			}
			continue
		}
		r.SkipChildren()
	}
	return out, nil
}
