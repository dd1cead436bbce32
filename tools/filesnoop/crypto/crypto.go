// Package crypto knows the functions by which libraries encrypt, and finds them in files.
package crypto

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/ringside-tools/ringside/internal/symbol"
)

// Kind is what a call of a function says (enum crypto_kind of crypto.h).
type Kind uint8

// The kinds.
const (
	Setup  Kind = iota // a cipher is to encrypt, or by Arg to do so or not
	Update             // bytes go through one that was set up
	Outer              // likewise, and it calls an Update itself
	First              // bytes go through one that needs no set-up
	End                // of a cipher
	Once               // all in one call
)

// Call is what there is to know of a function.
type Call struct {
	Kind Kind
	// Arg is the argument, from 1, that has the direction of a Setup or the length in
	// bytes; 0 for none. Where that is 0, the length is in Other.
	Arg, Other uint8
}

// calls are the functions by name. Ciphers are the first argument of all but Once.
//
// Sources: the manual pages EVP_EncryptInit(3) and EVP_SealInit(3) of OpenSSL 1.1 and 3,
// gnutls/crypto.h, gcrypt.h, and sodium's crypto_*.h.
var calls = map[string]Call{
	"EVP_EncryptInit": {Kind: Setup}, "EVP_EncryptInit_ex": {Kind: Setup}, "EVP_EncryptInit_ex2": {Kind: Setup}, "EVP_SealInit": {Kind: Setup},
	"EVP_CipherInit": {Kind: Setup, Arg: 5}, "EVP_CipherInit_ex": {Kind: Setup, Arg: 6}, "EVP_CipherInit_ex2": {Kind: Setup, Arg: 5},
	"EVP_EncryptUpdate": {Kind: Update, Arg: 5}, "EVP_CipherUpdate": {Kind: Outer, Arg: 5},
	"EVP_EncryptFinal_ex": {Kind: End}, "EVP_EncryptFinal": {Kind: End}, "EVP_CipherFinal_ex": {Kind: End}, "EVP_CipherFinal": {Kind: End},
	"EVP_CIPHER_CTX_reset": {Kind: End}, "EVP_CIPHER_CTX_free": {Kind: End},

	"gnutls_cipher_encrypt": {Kind: First, Arg: 3}, "gnutls_cipher_encrypt2": {Kind: First, Arg: 3}, "gnutls_cipher_encrypt3": {Kind: First, Arg: 3},
	"gnutls_aead_cipher_encrypt": {Kind: First, Arg: 8}, "gnutls_cipher_deinit": {Kind: End}, "gnutls_aead_cipher_deinit": {Kind: End},

	// In place where there is no input: the length is that of the output then.
	"gcry_cipher_encrypt": {Kind: First, Arg: 5, Other: 3}, "gcry_cipher_close": {Kind: End},

	"crypto_secretbox_easy": {Kind: Once, Arg: 3}, "crypto_secretbox": {Kind: Once, Arg: 3}, "crypto_box_easy": {Kind: Once, Arg: 3}, "crypto_box_seal": {Kind: Once, Arg: 3},
	"crypto_stream_xor": {Kind: Once, Arg: 3}, "crypto_stream_chacha20_xor": {Kind: Once, Arg: 3}, "crypto_stream_xchacha20_xor": {Kind: Once, Arg: 3},
	"crypto_aead_chacha20poly1305_ietf_encrypt": {Kind: Once, Arg: 4}, "crypto_aead_xchacha20poly1305_ietf_encrypt": {Kind: Once, Arg: 4},
	"crypto_aead_aes256gcm_encrypt": {Kind: Once, Arg: 4}, "crypto_secretstream_xchacha20poly1305_push": {Kind: Once, Arg: 5},
}

// libraries are how the names of files begin that are looked into without being asked.
var libraries = []string{"libcrypto.so", "libcrypto-", "libcrypto.", "libgcrypt.so", "libgnutls.so", "libgnutls-", "libsodium.so", "libsodium-"}

// IsLibrary reports whether a file may be such a library, by its name.
func IsLibrary(file string) bool {
	base := path.Base(file)
	return slices.ContainsFunc(libraries, func(begin string) bool { return strings.HasPrefix(base, begin) }) && strings.Contains(base, ".so")
}

// Function is a function in a file.
type Function struct {
	Name   string
	Offset uint64 // in the file
	Call
}

// ErrNothing says that a file has none of the functions.
var ErrNothing = errors.New("no function of a known library of cryptography")

// Inspect finds the functions of an ELF file. The file is not trusted.
func Inspect(r io.ReaderAt) ([]Function, error) {
	f, err := symbol.NewELF(r)
	if err != nil {
		return nil, err
	}
	if f.Machine != machine {
		return nil, fmt.Errorf("%w: it is for %v", ErrNothing, f.Machine)
	}
	at := make(map[uint64]bool)
	var out []Function
	f.Symbols(func(s symbol.ELFSymbol) bool {
		call, ok := calls[string(s.Name)]
		if !ok || s.Type != elf.STT_FUNC || s.Hidden {
			return true
		}
		if offset, ok := f.Offset(s.Address); ok && !at[offset] {
			at[offset] = true
			out = append(out, Function{string(s.Name), offset, call})
		}
		return len(out) < len(calls)
	})
	if len(out) == 0 {
		return nil, ErrNothing
	}
	slices.SortFunc(out, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
