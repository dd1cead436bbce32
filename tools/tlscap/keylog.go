package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/trace"
)

// secret is a line of a key log: label, client random, secret.
type secret struct {
	label  string
	random string // hexadecimal; "" if not known
	value  string
	before string // of a key update: the secret that it takes the place of
}

// labels are the secrets of TLS 1.3 that a key log has, by the label that they are derived
// with (RFC 8446, section 7.1).
var labels = map[string]string{
	"c e traffic":  "CLIENT_EARLY_TRAFFIC_SECRET",
	"c hs traffic": "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
	"s hs traffic": "SERVER_HANDSHAKE_TRAFFIC_SECRET",
	"c ap traffic": "CLIENT_TRAFFIC_SECRET_0",
	"s ap traffic": "SERVER_TRAFFIC_SECRET_0",
	"exp master":   "EXPORTER_SECRET",
	"e exp master": "EARLY_EXPORTER_SECRET",
}

// keyUpdate is the label of a secret that takes the place of another one. OpenSSL logs it
// as the N-th of its side, without saying which that is.
const keyUpdate = "traffic upd"

// Of TLS 1.2: the keys are derived from the master secret with this label, the server
// random and the client random (RFC 5246, section 6.3).
const (
	keyExpansion = "key expansion"
	masterLabel  = "CLIENT_RANDOM"
	masterLen    = 48
	randomLen    = 32
)

// decodeDerive reads a derivation, if it is of a secret that a key log has.
func (d *decoder) decodeDerive(h *trace.Host, head *trace.RecordHead, raw []byte, e *event) error {
	if len(raw) < deriveSize {
		return trace.ErrShortRecord(len(raw), deriveSize)
	}
	var r bpfDeriveRecord
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&r)), deriveSize), raw)
	*e = event{kind: kindDerive}
	e.Head.Decode(h, head)
	e.probe = d.probes.get(r.Probe)
	if head.Kind == kindLogged {
		e.secret = loggedSecret(&r)
	} else {
		e.secret = secretOf(&r)
	}
	return nil
}

// bytesOf returns the bytes of a value.
func bytesOf(length uint32, data *[64]uint8) []byte { return data[:min(int(length), len(data))] }

// logLabels are what libraries log: whatever else an object has at hand is none.
var logLabels = regexp.MustCompile(`^[A-Z0-9_]{1,40}$`)

// loggedSecret is the line that the library would log itself.
func loggedSecret(r *bpfDeriveRecord) secret {
	s := secret{label: string(bytesOf(r.Label.Len, &r.Label.Data)), value: hex.EncodeToString(bytesOf(r.Out.Len, &r.Out.Data))}
	if !logLabels.MatchString(s.label) || s.value == "" {
		return secret{}
	}
	s.random = randomOf(r)
	return s
}

// randomOf is the client random, or "" if what was read is none.
func randomOf(r *bpfDeriveRecord) string {
	if r.RandomLen != randomLen || !looksRandom(r.ClientRandom[:]) {
		return ""
	}
	return hex.EncodeToString(r.ClientRandom[:])
}

// secretOf returns the line that a derivation makes; one without label makes none.
func secretOf(r *bpfDeriveRecord) secret {
	derived := string(bytesOf(r.Label.Len, &r.Label.Data))
	if label, ok := labels[derived]; ok || derived == keyUpdate {
		s := secret{label: label, value: hex.EncodeToString(bytesOf(r.Out.Len, &r.Out.Data))}
		if derived == keyUpdate {
			s.before = hex.EncodeToString(bytesOf(r.Key.Len, &r.Key.Data))
		}
		s.random = randomOf(r)
		return s
	}
	if r.Seeds < 3 || string(bytesOf(r.Seed[0].Len, &r.Seed[0].Data)) != keyExpansion ||
		r.Secret.Len != masterLen || r.Seed[2].Len != randomLen {
		return secret{}
	}
	return secret{
		label:  masterLabel,
		random: hex.EncodeToString(r.Seed[2].Data[:randomLen]),
		value:  hex.EncodeToString(r.Secret.Data[:masterLen]),
	}
}

// looksRandom tells 32 random bytes from what else may be at an offset that was understood
// wrongly: pointers, lengths, zeros. Random bytes have
// some thirty values.
func looksRandom(b []byte) bool {
	var seen [256]bool
	values := 0
	for _, x := range b {
		if !seen[x] {
			seen[x] = true
			values++
		}
	}
	return values >= 20
}

// keylog decides which secrets are written where secrets go.
type keylog struct {
	write   func(line string) error // with its newline
	file    *os.File                // nil where others keep it
	err     error
	written map[secret]bool
	values  map[string]bool   // of those
	sides   map[string]string // of secrets that can be updated, by value: CLIENT or SERVER
	pending map[string]bool   // secrets that could not be written so far, by value
}

func newKeylog(write func(line string) error) *keylog {
	return &keylog{write: write, written: make(map[secret]bool), values: make(map[string]bool), sides: make(map[string]string), pending: make(map[string]bool)}
}

// openKeylog writes them to a file, which they are appended to.
func openKeylog(path string) (*keylog, error) {
	f, err := openPrivate(path, os.O_APPEND)
	if err != nil {
		return nil, fmt.Errorf("--keylog-file: %w", err)
	}
	// One write a line, so that lines of several writers do not mix, and none waits.
	k := newKeylog(func(line string) error {
		if _, err := f.WriteString(line); err != nil {
			return fmt.Errorf("write key log: %w", err)
		}
		return nil
	})
	k.file = f
	return k, nil
}

// openPrivate opens a file for writing: it must be ours alone, and not be a link that somebody put there.
func openPrivate(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK|flags, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%s can be read by others: it is to have mode 0600", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// maxWritten bounds the lines that are remembered so as not to be written twice: client
// and server of a connection on this machine have the same.
const maxWritten = 1 << 16

// keep writes a secret, and says whether it is to be shown: once.
func (k *keylog) keep(e *event) bool {
	if e.secret == (secret{}) {
		return false
	}
	k.follow(&e.secret)
	s := e.secret
	switch {
	case s.random == "" || s.label == "":
		// Another function may be told of it, with what is missing here.
		if len(k.pending) < maxWritten && !k.values[s.value] {
			k.pending[s.value] = true
		}
		return false
	case k.written[s]:
		return false
	}
	delete(k.pending, s.value)
	k.values[s.value] = true
	if len(k.written) >= maxWritten {
		clear(k.written)
		clear(k.values)
	}
	k.written[s] = true
	if err := k.write(s.label + " " + s.random + " " + s.value + "\n"); err != nil && k.err == nil {
		k.err = err
	}
	return true
}

// follow tells whose secret an update is: of the side that had the one before.
func (k *keylog) follow(s *secret) {
	side, ok := k.sides[s.before]
	if s.before == "" {
		side, ok = strings.CutSuffix(s.label, "_TRAFFIC_SECRET_0")
	} else if ok {
		s.label = side + "_TRAFFIC_SECRET_N"
	}
	if !ok {
		return
	}
	if len(k.sides) >= maxWritten {
		clear(k.sides)
	}
	k.sides[s.value] = side
}

// remark tells of secrets that could not be written.
func (k *keylog) remark(map[string]*ebpf.Map) (string, error) {
	if len(k.pending) == 0 {
		return "", nil
	}
	return fmt.Sprintf("%d secrets not written, since it is not known of which connection they are", len(k.pending)), nil
}

// ended closes the file.
func (k *keylog) ended() error {
	if err := k.file.Close(); err != nil && k.err == nil {
		k.err = fmt.Errorf("write key log: %w", err)
	}
	return k.err
}
