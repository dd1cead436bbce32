package http

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"github.com/dsnet/compress/brotli" // the other one takes net/http and with it cgo, and a process with cgo cannot drop capabilities
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// body collects what a message carries.
type body struct {
	data []byte
	size uint64 // true length
	gap  bool   // data is not what was sent from here on: nothing more is kept
}

// add keeps data as far as the limits allow.
func (b *body) add(c *conn, data []byte) {
	b.size += uint64(len(data))
	if b.gap {
		return
	}
	n := min(len(data), c.limits.Body-len(b.data))
	if n > 0 && !c.room(n) {
		n = 0
	}
	b.data = append(b.data, data[:n]...)
	b.gap = n < len(data)
}

// skip counts bytes that are missing.
func (b *body) skip(n uint64) {
	if n > 0 {
		b.size += n
		b.gap = true
	}
}

// give moves the body into a message, decoded, and returns the memory.
func (b *body) give(c *conn, m *Message) {
	c.free(len(b.data))
	m.Body, m.BodyBytes, m.BodyCut = b.data, b.size, b.gap
	if encoding, ok := m.Get("content-encoding"); ok {
		m.Encoding = encoding
		if len(b.data) > 0 {
			m.Body, m.BodyCut, m.BodyError = decodeBody(encoding, b.data, b.gap, c.limits.Body)
		}
	}
	*b = body{}
}

// maxEncodings is how many times a body may be encoded. Nobody sends more than one.
const maxEncodings = 3

var errTooMany = errors.New("too many encodings")

// decodeBody undoes the encodings of a body, the last one first, up to limit bytes of output. It returns what there is up
// to the first error; cut says that this is not all.
func decodeBody(encodings, data []byte, cut bool, limit int) (out []byte, stillCut bool, problem string) {
	names := bytes.Split(encodings, []byte(","))
	if len(names) > maxEncodings {
		return data, cut, errTooMany.Error()
	}
	for i := len(names) - 1; i >= 0; i-- {
		name := string(bytes.ToLower(trim(names[i])))
		if name == "" || name == "identity" {
			continue
		}
		plain, more, err := expand(name, data, limit)
		switch {
		case err == nil:
			cut = cut || more
		case plain == nil && !cut:
			return data, cut, err.Error()
		default: // an error is what the end of a cut stream looks like
			if cut && errors.Is(err, io.ErrUnexpectedEOF) {
				err = nil
			}
			cut = true
			if err != nil {
				problem = err.Error()
			}
		}
		data = plain
	}
	return data, cut, problem
}

// expand undoes one encoding. A reader of hostile bytes must not take us with it.
func expand(name string, data []byte, limit int) (out []byte, more bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decode %s: %v", name, r)
		}
	}()
	in := bytes.NewReader(data)
	var r io.Reader
	switch name {
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(in)
	case "deflate": // meant to be zlib; some send it bare
		if r, err = zlib.NewReader(in); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			in.Reset(data)
			r, err = flate.NewReader(in), nil
		}
	case "br":
		r, err = brotli.NewReader(in, nil)
	case "zstd":
		var z *zstd.Decoder
		z, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderMaxMemory(64<<20))
		if err == nil {
			defer z.Close()
			r = z
		}
	default:
		return nil, false, fmt.Errorf("unknown encoding")
	}
	if err != nil {
		return nil, false, fmt.Errorf("decode %s: %w", name, err)
	}
	out, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if len(out) > limit {
		return out[:limit], true, nil
	}
	if err != nil {
		return out, false, fmt.Errorf("decode %s: %w", name, err)
	}
	return out, false, nil
}
