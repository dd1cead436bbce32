package slimbtf

import (
	"bytes"
	"fmt"
	"io"
)

// stream reads a section of the file in pieces, so that the whole of it is
// never in memory.
type stream struct {
	file  io.ReaderAt
	start int64 // of the section in the file
	size  int64 // of the section
	off   int64 // in the section, of the next byte
	buf   []byte
	have  []byte // part of buf not yet used
}

func newStream(file io.ReaderAt, start, size int64) *stream {
	return &stream{file: file, start: start, size: size, buf: make([]byte, 32<<10)}
}

// fill moves what is left to the front and reads more behind it.
func (s *stream) fill() error {
	n := copy(s.buf, s.have)
	left := s.size - s.off - int64(n)
	room := s.buf[n:]
	if int64(len(room)) > left {
		room = room[:left]
	}
	if len(room) == 0 {
		return errFormat // a record beyond the section's end, or beyond all sense
	}
	m, err := s.file.ReadAt(room, s.start+s.off+int64(n))
	if m == 0 {
		return fmt.Errorf("read section: %w", err)
	}
	s.have = s.buf[:n+m]
	return nil
}

// next returns the next n bytes, valid until the next call.
func (s *stream) next(n int) ([]byte, error) {
	for len(s.have) < n {
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
	b := s.have[:n]
	s.have = s.have[n:]
	s.off += int64(n)
	return b, nil
}

// string returns the next string without its NUL, valid until the next call.
func (s *stream) string() ([]byte, error) {
	for {
		if i := bytes.IndexByte(s.have, 0); i >= 0 {
			b := s.have[:i]
			s.have = s.have[i+1:]
			s.off += int64(i) + 1
			return b, nil
		}
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}
