// Package library looks into a shared library or a program for functions of TLS: where
// in the file they are, what they do, and where their arguments are. The file belongs to
// whoever is watched, so nothing in it is trusted.
//
// It knows functions by the names that libraries export, and not by versions.
package library

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ringside-tools/ringside/tools/tlscap/accessor"
	"github.com/ringside-tools/ringside/tools/tlscap/gotls"
	"github.com/ringside-tools/ringside/tools/tlscap/tables"
)

// Kind is what a function does, and where its arguments are.
type Kind uint32

// The kinds, with the numbers that the BPF programs have for them (tlscap.h).
const (
	Read        Kind = iota + 1 // (object, buffer, size) returns bytes
	ReadEx                      // (object, buffer, size, &bytes) returns 1
	Write                       // as Read
	WriteEx                     // as ReadEx
	WriteEx2                    // (object, buffer, size, flags, &bytes) returns 1
	Peek                        // as Read
	PeekEx                      // as ReadEx
	Sendfile                    // (object, fd, offset, size, flags) returns bytes
	Handshake                   // (object)
	Recv                        // (object, buffer, size, flags) returns bytes; flags are those of NSPR
	RustRead                    // <rustls::Reader as Read>::read
	RustWrite                   // <rustls::Writer as Write>::write
	RustWriteV                  // <rustls::Writer as Write>::write_vectored
	RustChunk                   // rustls::Reader::into_first_chunk
	RustConsume                 // <rustls::Reader as BufRead>::consume
	RustFlush                   // <rustls::Writer as Write>::flush
	RustBegin                   // where the thread will use the socket of a connection of rustls

	Free   Kind = 64 // (object): its end
	Derive Kind = 65 // EVP_KDF_derive
	Logs   Kind = 66 // ssl_log_secret, or GnuTLS's of the kind (object, label, secret, size)

	GoClose  Kind = 67 // as Free
	GoSecret Kind = 68 // crypto/tls.(*Config).writeKeyLog
)

// Carries reports whether calls of such a function carry bytes.
func (k Kind) Carries() bool {
	return k >= Read && k <= Sendfile || k >= Recv && k <= RustChunk
}

// Family is a family of libraries with the same functions.
type Family string

// The families.
const (
	OpenSSL Family = "openssl" // and what took its names: BoringSSL, LibreSSL
	BIO     Family = "bio"     // what calls them for a BIO; the object is that
	Crypto  Family = "libcrypto"
	GnuTLS  Family = "gnutls"
	NSS     Family = "nss"
	Rustls  Family = "rustls"
	Go      Family = "go"
)

// function is what is known of a name.
type function struct {
	family Family
	kind   Kind
}

var functions = map[string]function{
	"SSL_read":             {OpenSSL, Read},
	"SSL_read_ex":          {OpenSSL, ReadEx}, // 1.1.1
	"SSL_read_early_data":  {OpenSSL, ReadEx},
	"SSL_peek":             {OpenSSL, Peek},
	"SSL_peek_ex":          {OpenSSL, PeekEx},
	"SSL_write":            {OpenSSL, Write},
	"SSL_write_ex":         {OpenSSL, WriteEx},
	"SSL_write_early_data": {OpenSSL, WriteEx},
	"SSL_write_ex2":        {OpenSSL, WriteEx2}, // 3.3
	"SSL_sendfile":         {OpenSSL, Sendfile}, // 3.0
	"SSL_do_handshake":     {OpenSSL, Handshake},
	"SSL_free":             {OpenSSL, Free},
	"EVP_KDF_derive":       {Crypto, Derive}, // 3.0

	"gnutls_record_recv":            {GnuTLS, Read},
	"gnutls_record_recv_seq":        {GnuTLS, Read},
	"gnutls_record_recv_early_data": {GnuTLS, Read},
	"gnutls_record_send":            {GnuTLS, Write},
	"gnutls_record_send2":           {GnuTLS, Write},
	"gnutls_record_send_early_data": {GnuTLS, Write},
	"gnutls_handshake":              {GnuTLS, Handshake},
	"gnutls_deinit":                 {GnuTLS, Free},

	"SSL_ForceHandshake":            {NSS, Handshake}, // the others are not exported: see inspectDescriptors
	"SSL_ForceHandshakeWithTimeout": {NSS, Handshake},
}

func init() {
	for _, f := range rustFunctions {
		functions[f.name] = function{Rustls, f.kind}
	}
}

// Function is a function of a file.
type Function struct {
	Name   string
	Family Family
	Kind   Kind
	Offset uint64 // of its first instruction in the file
	// Returns are of the instructions that return, of a function of Go, which cannot have
	// a return probe.
	Returns []uint64
}

// Library is what was found in a file.
type Library struct {
	Functions []Function // in the order of their names
	Version   string     // what the file says of itself; "" if nothing. For display only
	// Random leads from an SSL object to its client random; nil if that is not known.
	Random accessor.Path
	// RandomFrom says how that was found: "code" of SSL_get_client_random, or "table".
	RandomFrom string
	// Derives says that secrets are derived by EVP_KDF_derive, of this file or of
	// libcrypto, as in OpenSSL from 3.0 on.
	Derives bool
	GoConn  *gotls.Conn // of a program of Go
}

// Has reports whether a function of the kind is there.
func (l *Library) Has(kind Kind) bool {
	return slices.ContainsFunc(l.Functions, func(f Function) bool { return f.Kind == kind })
}

// ErrNothing says that a file has no functions of TLS.
var ErrNothing = errors.New("no functions of a TLS library that is known")

// Inspect looks into an ELF file of this machine's kind.
// size is that of the file.
func Inspect(r io.ReaderAt, size int64) (*Library, error) {
	if p, err := gotls.Inspect(r, size); err == nil {
		return inspectGo(p)
	} else if errors.Is(err, gotls.ErrNoTLS) {
		return nil, ErrNothing
	}
	return inspect(r, size)
}

func inspect(r io.ReaderAt, size int64) (lib *Library, err error) {
	defer func() {
		// debug/elf is careful, but its file is our adversary's.
		if p := recover(); p != nil {
			lib, err = nil, fmt.Errorf("read ELF file: %v", p)
		}
	}()
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, fmt.Errorf("read ELF file: %w", err)
	}
	if f.Class != elf.ELFCLASS64 || f.Machine != machine {
		return nil, fmt.Errorf("read ELF file: %s of %s: a program of this machine's kind is wanted", f.Class, f.Machine)
	}
	lib = &Library{}
	symbols := make(map[string][]uint64)
	rust := maxRust
	for _, table := range []elf.SectionType{elf.SHT_DYNSYM, elf.SHT_SYMTAB} {
		if err := readSymbols(f, table, symbols, &lib.Derives, &rust); err != nil {
			return nil, err
		}
	}
	if len(symbols[rustConsume]) == 0 { // without it each chunk would be told as often as it is looked at
		delete(symbols, rustChunk)
	}
	for name, offsets := range symbols {
		fn := functions[name]
		for _, offset := range offsets {
			lib.Functions = append(lib.Functions, Function{Name: name, Family: fn.family, Kind: fn.kind, Offset: offset})
		}
	}
	if _, ok := symbols["SSL_ForceHandshake"]; ok {
		if err := lib.inspectDescriptors(r, size); err != nil {
			return nil, err
		}
	}
	if !slices.ContainsFunc(lib.Functions, func(f Function) bool { return f.Kind.Carries() || f.Kind == Derive }) {
		return nil, ErrNothing
	}
	slices.SortFunc(lib.Functions, func(a, b Function) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Offset, b.Offset))
	})
	lib.Functions = slices.CompactFunc(lib.Functions, func(a, b Function) bool { return a.Offset == b.Offset && a.Kind == b.Kind })
	lib.Version = version(f)
	if _, ok := symbols["SSL_read"]; ok {
		lib.inspectObjects(r, size)
	} else if _, ok := symbols["gnutls_record_send"]; ok {
		lib.inspectSessions(r, size)
	}
	return lib, nil
}

// inspectObjects finds what secrets take: where objects have the client random, and a
// function that is told of each secret, where they are not derived by one that is.
func (l *Library) inspectObjects(r io.ReaderAt, size int64) {
	// What could be learnt is there also with an error.
	if layout, _ := accessor.Decode(r, size); layout != nil && layout.ClientRandom != nil {
		l.Random, l.RandomFrom = layout.ClientRandom, layout.Source
	} else if v, err := accessor.Version(r, size); err == nil {
		if layout, ok := accessor.Known(v); ok {
			l.Random, l.RandomFrom = layout.ClientRandom, layout.Source
		}
	}
	l.findLog(r, size, "ssl_log_secret", OpenSSL)
	l.findBIO(r, size)
}

// inspectSessions does the same for GnuTLS.
func (l *Library) inspectSessions(r io.ReaderAt, size int64) {
	if path, err := accessor.SessionRandom(r, size); err == nil {
		l.Random, l.RandomFrom = path, "code"
	}
	l.findLog(r, size, "_gnutls_call_keylog_func", GnuTLS) // 3.6.13
}

// inspectDescriptors finds the functions of NSS, by the names that they have in the source.
func (l *Library) inspectDescriptors(r io.ReaderAt, size int64) error {
	m, err := tables.FindNSS(r, size)
	if err != nil {
		return err
	}
	for _, f := range []Function{
		{Name: "ssl_Close", Kind: Free, Offset: m.Close},
		{Name: "ssl_Read", Kind: Read, Offset: m.Read},
		{Name: "ssl_Write", Kind: Write, Offset: m.Write},
		{Name: "ssl_Recv", Kind: Recv, Offset: m.Recv},
		{Name: "ssl_Send", Kind: Write, Offset: m.Send},
	} {
		f.Family = NSS
		l.Functions = append(l.Functions, f)
	}
	return nil
}

// findBIO finds the methods of BIO_f_ssl, which do not call the functions that are exported.
func (l *Library) findBIO(r io.ReaderAt, size int64) {
	m, err := tables.FindBIO(r, size)
	if err != nil {
		return // LibreSSL and BoringSSL have them as well, and call SSL_read and SSL_write there
	}
	for _, f := range []Function{
		{Name: "BIO_f_ssl.bread", Kind: ReadEx, Offset: m.Read},
		{Name: "BIO_f_ssl.bwrite", Kind: WriteEx, Offset: m.Write},
		{Name: "BIO_f_ssl.destroy", Kind: Free, Offset: m.Destroy},
	} {
		f.Family = BIO
		l.Functions = append(l.Functions, f)
	}
}

// findLog finds the function that is told of each secret, by the name that it has in the source.
func (l *Library) findLog(r io.ReaderAt, size int64, name string, family Family) {
	if found, err := accessor.FindLogSecret(r, size); err == nil {
		l.Functions = append(l.Functions, Function{Name: name, Family: family, Kind: Logs, Offset: found.Offset})
	}
}
