package http

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/ringside-tools/ringside/internal/output"
)

const textIndent = "  "

// AppendText appends a message for eyes: a line that says what it is, and below it, indented, the header fields and up
// to maxBody bytes of the body. Every line begins with indent and ends in a newline, and whatever was sent is escaped.
//
//	GET example.org/index.html HTTP/1.1
//	  accept: */*
//
//	HTTP/1.1 200 OK, 12.3 ms after GET example.org/index.html
//	  content-type: text/html
//
//	  <html>
func (m *Message) AppendText(dst []byte, indent string, maxBody int) []byte {
	dst = append(m.appendSummary(append(dst, indent...)), '\n')
	inner := indent + textIndent
	dst = appendHeaders(dst, inner, m.Headers)
	if m.BodyBytes > 0 {
		if m.Kind == KindRequest || m.Kind == KindResponse {
			dst = append(append(dst, indent...), '\n')
		}
		dst = m.appendBody(dst, inner, maxBody)
	}
	if len(m.Trailers) > 0 {
		dst = append(append(dst, indent...), '\n')
		dst = appendHeaders(dst, inner, m.Trailers)
	}
	return dst
}

// appendSummary appends the first line, without its newline.
func (m *Message) appendSummary(dst []byte) []byte {
	esc := output.AppendEscaped
	switch m.Kind {
	case KindRequest:
		dst = append(m.appendTarget(dst), ' ')
		dst = append(dst, m.Version...)
	case KindResponse:
		dst = append(append(dst, m.Version...), ' ')
		if m.Status == 0 {
			dst = append(dst, "(status unknown)"...)
		} else {
			dst = strconv.AppendInt(dst, int64(m.Status), 10)
		}
		if len(m.Reason) > 0 {
			dst = esc(append(dst, ' '), m.Reason)
		}
		if m.Error != "" {
			dst = append(append(dst, ", grpc status "...), m.Error...)
		}
		dst = m.appendRequest(dst)
	case KindGRPC:
		dst = append(dst, "gRPC message "...)
		dst = strconv.AppendInt(dst, int64(m.Index), 10)
		dst = append(dst, " of "...)
		dst = m.appendTarget(dst)
	case KindSSE:
		dst = append(dst, "event "...)
		dst = strconv.AppendInt(dst, int64(m.Index), 10)
		dst = append(dst, " of "...)
		dst = m.appendTarget(dst)
	case KindWebSocket:
		dst = append(append(dst, "WebSocket "...), m.Opcode...)
		if m.Fragments > 1 {
			dst = append(dst, " in "...)
			dst = append(strconv.AppendInt(dst, int64(m.Fragments), 10), " frames"...)
		}
		if m.Masked {
			dst = append(dst, ", masked"...)
		}
	case KindReset:
		dst = append(append(dst, "HTTP/2 stream reset: "...), m.Error...)
		if len(m.Path) > 0 {
			dst = m.appendTarget(append(dst, ", "...))
		}
	case KindGoAway:
		dst = append(append(dst, "HTTP/2 goaway: "...), m.Error...)
	default:
		dst = append(dst, "raw"...)
	}
	if m.Stream != 0 {
		dst = append(dst, ", stream "...)
		dst = strconv.AppendUint(dst, uint64(m.Stream), 10)
	}
	if m.Pushed {
		dst = append(dst, ", pushed"...)
	}
	if m.BodyBytes > 0 {
		dst = append(dst, ", "...)
		dst = append(strconv.AppendUint(dst, m.BodyBytes, 10), " bytes"...)
	}
	if len(m.Encoding) > 0 {
		dst = esc(append(dst, ", "...), m.Encoding)
	}
	if m.Joined && (m.Kind == KindRequest || m.Kind == KindResponse) {
		dst = append(dst, ", joined later"...)
	}
	if m.Incomplete != "" {
		dst = append(append(append(dst, " [incomplete: "...), m.Incomplete...), ']')
	}
	return dst
}

func (m *Message) appendTarget(dst []byte) []byte {
	dst = output.AppendEscaped(dst, m.Method)
	dst = append(dst, ' ')
	if len(m.Path) == 0 || m.Path[0] == '/' || string(m.Path) == Unknown {
		dst = output.AppendEscaped(dst, m.Authority)
	}
	return output.AppendEscaped(dst, m.Path)
}

func (m *Message) appendRequest(dst []byte) []byte {
	if m.Latency < 0 {
		return dst
	}
	dst = append(dst, ", "...)
	dst = append(dst, (time.Duration(m.Latency)).Round(10*time.Microsecond).String()...)
	return m.appendTarget(append(dst, " after "...))
}

func appendHeaders(dst []byte, indent string, headers []Header) []byte {
	for _, f := range headers {
		dst = append(dst, indent...)
		dst = append(output.AppendEscaped(dst, f.Name), ": "...)
		dst = append(output.AppendEscaped(dst, f.Value), '\n')
	}
	return dst
}

// appendBody appends a body that is text, line by line, and of another its length.
func (m *Message) appendBody(dst []byte, indent string, limit int) []byte {
	b := m.Body[:min(len(m.Body), max(0, limit))]
	if len(b) < len(m.Body) || m.BodyCut {
		b = wholeRunes(b)
	}
	if !isText(b) {
		dst = append(append(dst, indent...), '(')
		dst = append(strconv.AppendInt(dst, int64(len(m.Body)), 10), " bytes that are no text"...)
		if len(m.ContentType) > 0 {
			dst = output.AppendEscaped(append(dst, ": "...), m.ContentType)
		}
		dst = append(dst, ")\n"...)
	} else {
		for rest := b; len(rest) > 0; {
			var line []byte
			line, rest = cutLine(rest)
			dst = append(output.AppendEscaped(append(dst, indent...), line), '\n')
		}
	}
	switch {
	case m.BodyError != "":
		dst = append(append(dst, indent...), "[not decoded: "...)
		dst = append(append(dst, m.BodyError...), "]\n"...)
	case len(b) < len(m.Body) || m.BodyCut:
		dst = append(append(dst, indent...), "[cut: "...)
		dst = append(strconv.AppendInt(dst, int64(len(b)), 10), " bytes shown]\n"...)
	}
	return dst
}

// wholeRunes leaves out the first bytes of a character whose others were cut.
func wholeRunes(b []byte) []byte {
	for i := len(b) - 1; i >= max(0, len(b)-utf8.UTFMax); i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return b[:i]
			}
			break
		}
	}
	return b
}

// isText reports whether bytes are better shown as text: UTF-8 with few controls in it.
func isText(b []byte) bool {
	if bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b) {
		return false
	}
	controls := 0
	for _, c := range b {
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' {
			controls++
		}
	}
	return controls*16 <= len(b)
}
