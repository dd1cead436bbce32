package library

import (
	"bytes"
	"regexp"
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
	// Where a handshake begins, before anything is sent.
	{"rustls.client.start_handshake", RustBegin, regexp.MustCompile(`^_(ZN|RNvNtNtC[^_]*_)6rustls6client2hs15start_handshake(17h[0-9a-f]{16}E(\.llvm\.\d+)?)?$`)},
	{"rustls.server.ExpectClientHello.handle", RustBegin, regexp.MustCompile(
		`^_ZN\d+_\$LT\$rustls\.\.server\.\.hs\.\.ExpectClientHello\$u20\$as\$u20\$rustls\.\.(conn|common_state)\.\.State\$LT\$.*\$GT\$6handle17h[0-9a-f]{16}E(\.llvm\.\d+)?$` +
			`|^_RNvX.*_6rustls6server2hs.*_17ExpectClientHello.*_?5State.*6handle$`)},
}

// rustMethod matches the method of std::io::TRAIT of rustls::conn::TYPE.
func rustMethod(typ, trait, method string) *regexp.Regexp {
	const hash = `17h[0-9a-f]{16}E(\.llvm\.\d+)?` // the last is of a function that was moved to another unit
	return regexp.MustCompile(
		`^_ZN\d+_\$LT\$rustls\.\.conn\.\.(connection\.\.)?` + typ + `\$u20\$as\$u20\$(std|core|alloc)\.\.io\.\.` + trait + `\$GT\$` + method + hash + `$` +
			`|^_RNvX[^_]*_(NtNtNt|NtNt|Nt)C[^_]*_6rustls4conn(10connection)?NtB[^_]*_6` + typ + `.*2io\d` + trait + method + `$`)
}

// maxRustName is longer than any symbol that is looked for.
const maxRustName = 240

// rustFunction is the function of rustls that a symbol stands for.
func rustFunction(symbol []byte) (name string, ok bool) {
	if len(symbol) < 3 || symbol[0] != '_' || symbol[1] != 'Z' && symbol[1] != 'R' || !bytes.Contains(symbol, []byte("rustls")) {
		return "", false
	}
	for _, f := range rustFunctions {
		if f.path.Match(symbol) {
			return f.name, true
		}
	}
	return "", false
}
