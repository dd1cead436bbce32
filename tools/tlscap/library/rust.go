package library

import (
	"bytes"
	"regexp"
)

// Of these two one is nothing without the other.
const (
	rustChunk   = "rustls.Reader.into_first_chunk"
	rustConsume = "rustls.Reader.consume"
)

// rustFunctions are those of rustls, 0.20 to 0.23, by both ways in which compilers write a path into a
// symbol: with "legacy" at the end and the hash of a crate in the front of "v0". They are methods of
// one type each and generic in nothing, so that they are there wherever symbols were left; with
// link-time optimization they may not be.
var rustFunctions = []struct {
	name string
	kind Kind
	path *regexp.Regexp
}{
	{"rustls.Reader.read", RustRead, rustMethod("Reader", "Read", "4read")},
	{"rustls.Writer.write", RustWrite, rustMethod("Writer", "Write", "5write")},
	{"rustls.Writer.write_vectored", RustWriteV, rustMethod("Writer", "Write", "14write_vectored")},
	{"rustls.Writer.flush", RustFlush, rustMethod("Writer", "Write", "5flush")},
	{rustChunk, RustChunk, regexp.MustCompile(`^_ZN6rustls4conn10connection6Reader16into_first_chunk` + rustHash + `$` +
		`|^_RNvMs[^_]*_NtNtC[^_]*_6rustls4conn10connectionNtB[^_]*_6Reader16into_first_chunk` + rustMoved + `$`)},
	{rustConsume, RustConsume, rustMethod("Reader", "BufRead", "7consume")},
	// Where a handshake begins, before anything is sent.
	{"rustls.client.start_handshake", RustBegin, regexp.MustCompile(`^_(ZN|RNvNtNtC[^_]*_)6rustls6client2hs15start_handshake(17h[0-9a-f]{16}E)?` + rustMoved + `$`)},
	{"rustls.server.ExpectClientHello.handle", RustBegin, regexp.MustCompile(
		`^_ZN\d+_\$LT\$rustls\.\.server\.\.hs\.\.ExpectClientHello\$u20\$as\$u20\$rustls\.\.(conn|common_state)\.\.State\$LT\$.*\$GT\$6handle` + rustHash + `$` +
			`|^_RNvX.*_6rustls6server2hs.*_17ExpectClientHello.*_?5State.*6handle` + rustMoved + `$`)},
}

// How symbols end: of a function that was moved to another unit of code, and, in the older way of writing them, always.
const (
	rustMoved = `(\.llvm\.\d+)?`
	rustHash  = `17h[0-9a-f]{16}E` + rustMoved
)

// rustMethod matches the method of std::io::TRAIT of rustls::conn::TYPE.
func rustMethod(typ, trait, method string) *regexp.Regexp {
	return regexp.MustCompile(
		`^_ZN\d+_\$LT\$rustls\.\.conn\.\.(connection\.\.)?` + typ + `\$u20\$as\$u20\$(std|core|alloc)\.\.io\.\.` + trait + `\$GT\$` + method + rustHash + `$` +
			`|^_RNvX[^_]*_(NtNtNt|NtNt|Nt)C[^_]*_6rustls4conn(10connection)?NtB[^_]*_6` + typ + `.*2io\d` + trait + method + rustMoved + `$`)
}

// maxRustName is longer than any symbol that is looked for.
const maxRustName = 240

// mayBeRust reports whether a symbol is of Rust, and names rustls.
func mayBeRust(symbol []byte) bool {
	return len(symbol) > 2 && symbol[0] == '_' && (symbol[1] == 'Z' || symbol[1] == 'R') && bytes.Contains(symbol, []byte("rustls"))
}

// rustFunction is the function of rustls that a symbol stands for.
func rustFunction(symbol []byte) (name string, ok bool) {
	for _, f := range rustFunctions {
		if f.path.Match(symbol) {
			return f.name, true
		}
	}
	return "", false
}
