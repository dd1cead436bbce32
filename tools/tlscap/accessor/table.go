package accessor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// release is a version of OpenSSL: 1.1.1w is {1, 1, 1, 23}, 3.0.19 is {3, 0, 19, 0}.
type release [4]int

func (r release) before(o release) bool {
	for i := range r {
		if r[i] != o[i] {
			return r[i] < o[i]
		}
	}
	return false
}

// row is what releases from one up to another have, in bytes.
type row struct {
	from, to release // both included

	typed                                       bool
	version, rbio, wbio, server, session, early uint64
	random                                      Path
	cipher                                      uint64
}

// rows are the layouts of 64-bit builds, which are the same on all architectures. A distribution can have changed them
// under the same version, and some have.
var rows = []row{
	{from: release{1, 1, 1, 1}, to: release{1, 1, 1, 1}, rbio: 0x10, wbio: 0x18, server: 0x38, session: 0x510, early: 0x134, random: Path{0xa8, 0xb8}, cipher: 0x1f8},
	{from: release{1, 1, 1, 2}, to: release{1, 1, 1, 3}, rbio: 0x10, wbio: 0x18, server: 0x38, session: 0x508, early: 0x134, random: Path{0xa8, 0xb8}, cipher: 0x1f8},
	{from: release{1, 1, 1, 4}, to: release{1, 1, 1, 9}, rbio: 0x10, wbio: 0x18, server: 0x38, session: 0x510, early: 0x13c, random: Path{0xa8, 0xb8}, cipher: 0x1f8},
	{from: release{1, 1, 1, 10}, to: release{1, 1, 1, 26}, rbio: 0x10, wbio: 0x18, server: 0x38, session: 0x510, early: 0x13c, random: Path{0xa8, 0xb8}, cipher: 0x1f0},
	{from: release{3, 0, 0}, to: release{3, 1, 99}, rbio: 0x10, wbio: 0x18, server: 0x38, session: 0x918, early: 0x544, random: Path{0x160}, cipher: 0x2f8},
	{from: release{3, 2, 0}, to: release{3, 2, 2}, typed: true, version: 0x40, rbio: 0x48, wbio: 0x50, server: 0x70, session: 0x880, early: 0x4fc, random: Path{0x140}, cipher: 0x300},
	{from: release{3, 3, 0}, to: release{3, 3, 1}, typed: true, version: 0x40, rbio: 0x48, wbio: 0x50, server: 0x70, session: 0x880, early: 0x4fc, random: Path{0x140}, cipher: 0x300},
	{from: release{3, 2, 3}, to: release{3, 2, 3}, typed: true, version: 0x40, rbio: 0x48, wbio: 0x50, server: 0x70, session: 0x880, early: 0x4fc, random: Path{0x140}, cipher: 0x2f8},
	{from: release{3, 3, 2}, to: release{3, 3, 2}, typed: true, version: 0x40, rbio: 0x48, wbio: 0x50, server: 0x70, session: 0x880, early: 0x4fc, random: Path{0x140}, cipher: 0x2f8},
	{from: release{3, 4, 0}, to: release{3, 4, 0}, typed: true, version: 0x40, rbio: 0x48, wbio: 0x50, server: 0x70, session: 0x880, early: 0x4fc, random: Path{0x140}, cipher: 0x2f8},
	{from: release{3, 2, 4}, to: release{3, 2, 99}, typed: true, version: 0x48, rbio: 0x50, wbio: 0x58, server: 0x78, session: 0x888, early: 0x504, random: Path{0x148}, cipher: 0x2f8},
	{from: release{3, 3, 3}, to: release{3, 3, 99}, typed: true, version: 0x48, rbio: 0x50, wbio: 0x58, server: 0x78, session: 0x888, early: 0x504, random: Path{0x148}, cipher: 0x2f8},
	{from: release{3, 4, 1}, to: release{3, 4, 99}, typed: true, version: 0x48, rbio: 0x50, wbio: 0x58, server: 0x78, session: 0x888, early: 0x504, random: Path{0x148}, cipher: 0x2f8},
	{from: release{3, 5, 0}, to: release{4, 0, 1}, typed: true, version: 0x48, rbio: 0x50, wbio: 0x58, server: 0x78, session: 0x900, early: 0x57c, random: Path{0x188}, cipher: 0x2f8},
}

// Known returns the layout that a version of OpenSSL has ("3.0.19", "1.1.1w") unless whoever built it changed that. It
// is the last resort. The version is that of [Version].
func Known(version string) (*Layout, bool) {
	r, ok := parseRelease(version)
	if !ok {
		return nil, false
	}
	for _, row := range rows {
		if r.before(row.from) || row.to.before(r) {
			continue
		}
		at := func(offset uint64) Path { return Path{offset} }
		return &Layout{
			Typed: row.typed, Version: at(row.version), Server: at(row.server), ReadBIO: at(row.rbio), WriteBIO: at(row.wbio),
			Session: at(row.session), ClientRandom: row.random,
			MasterKey: at(0x50), MasterKeyLen: at(0x8), Cipher: at(row.cipher), CipherID: at(0x18),
			EarlySecret: at(row.early), ClientSecret: at(row.early + 8*secretSize), ServerSecret: at(row.early + 9*secretSize),
			ExporterSecret: at(row.early + 10*secretSize),
			Source:         "table",
		}, true
	}
	return nil, false
}

func parseRelease(s string) (r release, ok bool) {
	parts := strings.SplitN(s, ".", 3)
	if len(parts) < 3 {
		return r, false
	}
	digits := strings.TrimRight(parts[2], "abcdefghijklmnopqrstuvwxyz")
	if letter := parts[2][len(digits):]; len(letter) == 1 {
		r[3] = int(letter[0]-'a') + 1
	} else if letter != "" {
		return r, false
	}
	for i, part := range []string{parts[0], parts[1], digits} {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return r, false
		}
		r[i] = int(n)
	}
	return r, true
}

// maxSearch is how far into a file a version is looked for: further than any libcrypto is long.
const maxSearch = 256 << 20

// Version finds the version that a libcrypto, or a program with OpenSSL in it, says it is: "3.0.19" of
// "OpenSSL 3.0.19 27 Jan 2026". A libssl before 3.0 has one as well.
func Version(file io.ReaderAt, size int64) (string, error) {
	const piece, overlap = 1 << 20, 64
	mark := []byte("OpenSSL ")
	buf := make([]byte, piece+overlap)
	for at := int64(0); at < min(size, maxSearch); at += piece {
		n, err := file.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if err != nil && n == 0 {
			return "", fmt.Errorf("look for a version: %w", err)
		}
		for b := buf[:n]; ; {
			i := bytes.Index(b, mark)
			if i < 0 {
				break
			}
			b = b[i+len(mark):]
			word, rest, found := bytes.Cut(b[:min(len(b), 12)], []byte(" "))
			if _, ok := parseRelease(string(word)); ok && found && (len(rest) == 0 || rest[0] >= '0' && rest[0] <= '9' || rest[0] == ' ') {
				return string(word), nil
			}
		}
	}
	return "", errNoVersion
}

var errNoVersion = errors.New("no version of OpenSSL in it")

// Check reports what is wrong with what was read from a process by a layout: the version of an SSL and its client
// random. A wrong layout reads something else, which does not pass; nothing that was read by it must then be shown.
func Check(version uint32, clientRandom []byte) error {
	if (version < 0x0300 || version > 0x0304) && version != 0xfefd && version != 0xfeff { // the latter are DTLS
		return fmt.Errorf("unknown layout: %#x is no version of TLS", version)
	}
	if len(clientRandom) != 32 {
		return fmt.Errorf("unknown layout: client random of %d bytes", len(clientRandom))
	}
	// Eight zeros in a row, or nine in all, are in 32 random bytes once in 10^15 times. Pointers and counters have more.
	if bytes.Contains(clientRandom, make([]byte, 8)) || bytes.Count(clientRandom, []byte{0}) > 8 {
		return errors.New("unknown layout: client random is not random")
	}
	return nil
}
