package accessor

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ringside-tools/ringside/internal/symbol"
)

// Layout says where things are in the structures of libssl. A path that is nil is not known.
type Layout struct {
	Typed        bool // the first word of an SSL is its type, 0 for TLS (since 3.2)
	Version      Path // of an SSL: 4 bytes, 0x0303 for TLS 1.2
	Server       Path // 4 bytes, not 0 if it is the server
	ReadBIO      Path
	WriteBIO     Path
	Session      Path // pointer to an SSL_SESSION
	ClientRandom Path // 32 bytes in the structure

	MasterKey    Path // of an SSL_SESSION: 48 bytes in the structure
	MasterKeyLen Path // 8 bytes
	Cipher       Path // pointer to an SSL_CIPHER
	CipherID     Path // of an SSL_CIPHER: 4 bytes, 0x03001301 for TLS_AES_128_GCM_SHA256

	// Secrets of TLS 1.3 in an SSL, 64 bytes each. Nothing exports them: they are known from the table only.
	EarlySecret, ClientSecret, ServerSecret, ExporterSecret Path

	Source string // "code" or "table"
}

// BIO says where things are in a BIO of libcrypto.
type BIO struct {
	Type   Path // 4 bytes; its low byte is 5 for a socket, 4 for a descriptor
	Number Path // 4 bytes: the descriptor of such a BIO
	Next   Path
}

// Secrets are as far apart as this, in the order that they have in Layout.
const secretSize = 64

// maxAccessor bounds the code of one function. The largest has some 400 bytes.
const maxAccessor = 4096

// Code is that of one function, for a machine of its own.
type Code struct {
	Machine elf.Machine
	Bytes   []byte
}

// run runs a function on a structure; zero are offsets of its fields that are null.
func (c Code) run(args [3]uint64, zero ...int64) (*memory, uint64, error) {
	m := newMemory(zero...)
	run := runAMD64
	switch c.Machine {
	case elf.EM_X86_64:
	case elf.EM_AARCH64:
		run = runARM64
	default:
		return nil, 0, fmt.Errorf("code of %v is not known", c.Machine)
	}
	result, err := run(m, c.Bytes, args)
	return m, result, err
}

var (
	errNoField = errors.New("returns nothing that it has read")
	errNoCode  = errors.New("not exported")
)

// field runs a function that returns a field of its argument.
func (c Code) field(zero ...int64) (Path, error) {
	m, result, err := c.run([3]uint64{pointer(inArgument), ^uint64(0), ^uint64(0)}, zero...)
	if err != nil {
		return nil, err
	}
	p, _, ok := m.source(result)
	if !ok {
		return nil, errNoField
	}
	return p, nil
}

// copies runs a function that copies from its argument: the second one says where to, the third how much at most.
func (c Code) copies() (from Path, m *memory, err error) {
	m, _, err = c.run([3]uint64{pointer(inArgument), pointer(inOut), 32})
	if err != nil {
		return nil, nil, err
	}
	for _, call := range m.calls {
		if region, _, ok := m.locate(call.args[0]); ok && region == inOut {
			if p, ok := m.address(call.args[1]); ok {
				return p, m, nil
			}
		}
	}
	// Or without memcpy: the first bytes of what was written are those of some load.
	first := uint64(0)
	for i := range 8 {
		first |= uint64(m.written[pointer(inOut)+uint64(i)]) << (8 * i)
	}
	for _, a := range m.loads {
		if a.size == 8 && a.value == first {
			if p, ok := m.path(a.region, a.offset); ok {
				return p, m, nil
			}
		}
	}
	return nil, nil, errNoField
}

// functions reads the code of some functions.
func functions(file io.ReaderAt, size int64, names ...string) (map[string]Code, error) {
	var head [20]byte
	if _, err := file.ReadAt(head[:], 0); err != nil {
		return nil, fmt.Errorf("read ELF header: %w", err)
	}
	found, err := symbol.Locate(file, size, names...)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Code, len(found))
	for name, f := range found {
		if f.Size == 0 || f.Size > maxAccessor {
			continue
		}
		b := make([]byte, f.Size)
		if _, err := file.ReadAt(b, int64(f.Offset)); err != nil {
			continue
		}
		out[name] = Code{elf.Machine(binary.LittleEndian.Uint16(head[18:])), b}
	}
	return out, nil
}

// Decode learns the layout of a libssl, or of a program that has it in it together with its symbols. Where only some
// fields can be learnt, it returns them with an error that names the others.
func Decode(libssl io.ReaderAt, size int64) (*Layout, error) {
	code, err := functions(libssl, size, Accessors()...)
	if err != nil {
		return nil, err
	}
	return DecodeCode(code)
}

// Accessors are the functions of libssl that [DecodeCode] wants the code of.
func Accessors() []string {
	return []string{
		"SSL_version", "SSL_is_server", "SSL_get_rbio", "SSL_get_wbio", "SSL_get_session", "SSL_get_client_random",
		"SSL_SESSION_get_master_key", "SSL_SESSION_get0_cipher", "SSL_CIPHER_get_id",
	}
}

// DecodeCode is [Decode] for the code of functions, by name.
func DecodeCode(code map[string]Code) (*Layout, error) {
	l := &Layout{Source: "code"}
	var problems []error
	try := func(name string, learn func(Code) error) {
		c, ok := code[name]
		err := errNoCode
		if ok {
			err = learn(c)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	into := func(name string, p *Path) {
		try(name, func(c Code) (err error) { *p, err = c.field(); return err })
	}
	try("SSL_version", func(c Code) error {
		p, err := c.field()
		l.Version, l.Typed = p, err == nil && p[len(p)-1] != 0
		return err
	})
	into("SSL_is_server", &l.Server)
	into("SSL_get_rbio", &l.ReadBIO)
	try("SSL_get_wbio", func(c Code) (err error) { l.WriteBIO, err = c.writeBIO(); return err })
	into("SSL_get_session", &l.Session)
	try("SSL_get_client_random", func(c Code) (err error) { l.ClientRandom, _, err = c.copies(); return err })
	try("SSL_SESSION_get_master_key", func(c Code) error {
		from, m, err := c.copies()
		if err != nil {
			return err
		}
		l.MasterKey = from
		for _, a := range m.loads {
			if a.region == inArgument && a.size == 8 && uint64(a.offset) != from[0] {
				l.MasterKeyLen = Path{uint64(a.offset)}
				return nil
			}
		}
		return errNoField
	})
	into("SSL_SESSION_get0_cipher", &l.Cipher)
	into("SSL_CIPHER_get_id", &l.CipherID)
	return l, errors.Join(problems...)
}

// writeBIO finds the BIO that SSL_get_wbio returns. There can be one that buffers in front of it, whose next one it
// then is: only the call that asks for the next one tells which of the two fields is which.
func (c Code) writeBIO() (Path, error) {
	args := [3]uint64{pointer(inArgument)}
	m, result, err := c.run(args)
	if err != nil {
		return nil, err
	}
	if len(m.calls) == 0 {
		p, _, ok := m.source(result)
		if !ok {
			return nil, errNoField
		}
		return p, nil
	}
	front, _, ok := m.source(m.calls[len(m.calls)-1].args[0])
	if !ok || len(front) != 1 {
		return nil, errNoField
	}
	p, err := c.field(int64(front[0]))
	if err == nil && slices.Equal(p, front) {
		return nil, errNoField
	}
	return p, err
}

// DecodeBIO learns the layout of BIO from libcrypto.
func DecodeBIO(libcrypto io.ReaderAt, size int64) (*BIO, error) {
	code, err := functions(libcrypto, size, BIOAccessors()...)
	if err != nil {
		return nil, err
	}
	return DecodeBIOCode(code)
}

// BIOAccessors are the functions of libcrypto that [DecodeBIOCode] wants the code of.
func BIOAccessors() []string { return []string{"BIO_method_type", "BIO_test_flags", "BIO_next"} }

// DecodeBIOCode is [DecodeBIO] for the code of functions, by name.
func DecodeBIOCode(code map[string]Code) (*BIO, error) {
	b := &BIO{}
	var problems []error
	for name, p := range map[string]*Path{"BIO_method_type": &b.Type, "BIO_test_flags": &b.Number, "BIO_next": &b.Next} {
		c, ok := code[name]
		if !ok {
			problems = append(problems, fmt.Errorf("%s: %w", name, errNoCode))
			continue
		}
		var err error
		if *p, err = c.field(); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	if b.Number != nil { // int flags, int retry_reason, int num
		b.Number = slices.Clone(b.Number)
		b.Number[len(b.Number)-1] += 8
	}
	return b, errors.Join(problems...)
}
