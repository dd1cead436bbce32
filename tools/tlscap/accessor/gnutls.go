package accessor

import (
	"fmt"
	"io"
)

// sessionAccessor hands out pointers to the randoms of a session of GnuTLS, by way of datums, which are a pointer and
// a size:
//
//	void gnutls_session_get_random(gnutls_session_t session, gnutls_datum_t *client, gnutls_datum_t *server)
const sessionAccessor = "gnutls_session_get_random"

// SessionRandom learns from a libgnutls where a session has its client random.
func SessionRandom(libgnutls io.ReaderAt, size int64) (Path, error) {
	code, err := functions(libgnutls, size, sessionAccessor)
	if err != nil {
		return nil, err
	}
	c, ok := code[sessionAccessor]
	if !ok {
		return nil, fmt.Errorf("%s: %w", sessionAccessor, errNoCode)
	}
	p, err := c.handsOut()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sessionAccessor, err)
	}
	return p, nil
}

// handsOut runs a function that stores a pointer into its first argument where its second one points.
func (c Code) handsOut() (Path, error) {
	m, _, err := c.run([3]uint64{pointer(inArgument), pointer(inOut), 0})
	if err != nil {
		return nil, err
	}
	stored, err := m.load(pointer(inOut), 8)
	if err != nil {
		return nil, err
	}
	p, ok := m.address(stored)
	if !ok {
		return nil, errNoField
	}
	return p, nil
}
