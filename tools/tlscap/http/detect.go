package http

import (
	"bytes"
	"strings"
)

// verdict is what the beginning of some bytes looks like.
type verdict uint8

const (
	isRaw     verdict = iota
	isMaybe           // more is needed
	isRequest         // of HTTP/1
	isResponse
	isPreface // of HTTP/2
	isFrames  // of HTTP/2
)

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Bounds on what is held back while it could become HTTP.
const (
	maxMethod  = 24
	maxTarget  = 16 << 10
	maxPending = 20 << 10
)

// seek looks for the beginning of a message where a chunk begins, and passes the chunk on if there is none.
func (h *half) seek(data []byte) int {
	v := h.looksLike(data)
	switch v {
	case isMaybe:
		if len(data) <= maxPending {
			return 0
		}
	case isRequest, isResponse:
		client := h.dir
		if v == isResponse {
			client = h.dir.other()
		}
		h.c.orient(client)
		h.c.proto, h.synced = protoHTTP1, true
		h.h1 = h1half{}
		return h.h1parse(data)
	case isPreface:
		h.c.orient(h.dir)
		h.startHTTP2()
		return len(preface)
	case isFrames:
		// A server begins with settings, anybody else has begun before.
		h.h2.joined = h.begun || data[3] != frameSettings || data[4]&flagAck != 0
		h.startHTTP2()
		return h.h2parse(data)
	}
	h.raw(data, 0, "")
	return len(data)
}

func (h *half) startHTTP2() {
	h.c.proto, h.synced = protoHTTP2, true
	h.h2.drop()
	if h.c.streams == nil {
		h.c.streams = make(map[uint32]*h2stream)
	}
}

// looksLike judges by what may come in this direction of this connection.
func (h *half) looksLike(data []byte) verdict {
	c := h.c
	best := isRaw
	add := func(v verdict) {
		if v > best {
			best = v
		}
	}
	if c.proto != protoHTTP2 {
		if !c.oriented || c.client == h.dir {
			add(likeRequest(data))
		}
		if !c.oriented || c.client != h.dir {
			add(likeResponse(data))
		}
	}
	if c.proto != protoHTTP1 {
		add(likePrefix(data, preface, isPreface))
		add(likeFrames(data, c.proto == protoHTTP2))
	}
	return best
}

func likePrefix(data []byte, prefix string, yes verdict) verdict {
	if len(data) >= len(prefix) {
		if string(data[:len(prefix)]) == prefix {
			return yes
		}
		return isRaw
	}
	if strings.HasPrefix(prefix, string(data)) {
		return isMaybe
	}
	return isRaw
}

// likeRequest expects METHOD TARGET HTTP/1.x.
func likeRequest(data []byte) verdict {
	i := 0
	for i < len(data) && i <= maxMethod && (data[i] >= 'A' && data[i] <= 'Z' || i > 0 && (data[i] == '-' || data[i] == '_')) {
		i++
	}
	if i == len(data) && i <= maxMethod {
		return isMaybe
	}
	if i == 0 || i > maxMethod || data[i] != ' ' {
		return isRaw
	}
	line := data[i+1:]
	for j, b := range line[:min(len(line), maxTarget)] {
		switch {
		case b == ' ':
			if v := likeVersion(line[j+1:], isRequest); v != isRaw || j == 0 {
				return v
			}
			return isRaw
		case b < 0x20 || b == 0x7f:
			return isRaw
		}
	}
	if len(line) < maxTarget {
		return isMaybe
	}
	return isRaw
}

// likeResponse expects HTTP/1.x NNN.
func likeResponse(data []byte) verdict {
	v := likeVersion(data, isResponse)
	if v != isResponse {
		return v
	}
	if len(data) < len("HTTP/1.1 200") {
		return isMaybe
	}
	for _, b := range data[len("HTTP/1.1 "):len("HTTP/1.1 200")] {
		if b < '0' || b > '9' {
			return isRaw
		}
	}
	if data[len("HTTP/1.1")] != ' ' {
		return isRaw
	}
	return isResponse
}

func likeVersion(data []byte, yes verdict) verdict {
	const text = "HTTP/1."
	if v := likePrefix(data, text, yes); v != yes {
		return v
	}
	if len(data) == len(text) {
		return isMaybe
	}
	if b := data[len(text)]; b != '0' && b != '1' {
		return isRaw
	}
	return yes
}

// likeFrames expects frames of HTTP/2: two whole ones, or one up to the end or the beginning of another. Nine bytes say a
// lot: length, type, flags and stream must fit each other. Where HTTP/2 is expected, one is enough.
func likeFrames(data []byte, expected bool) verdict {
	whole := 0
	for len(data) > 0 && whole < 2 && !(expected && whole > 0) {
		if len(data) < frameHeader {
			if whole > 0 || plausiblePart(data) {
				break
			}
			return isRaw
		}
		f := parseFrameHeader(data)
		if !f.plausible() {
			return isRaw
		}
		if f.length > len(data)-frameHeader {
			if whole == 0 && f.length > maxPending/2 && f.kind == frameData {
				return isFrames // too long to wait for
			}
			break
		}
		whole++
		data = data[frameHeader+f.length:]
	}
	if whole > 0 {
		return isFrames
	}
	return isMaybe
}

// plausiblePart judges less than a header: lengths below a megabyte, known types.
func plausiblePart(data []byte) bool {
	return data[0] <= 0x10 && (len(data) < 4 || data[3] <= frameContinuation) && !bytes.HasPrefix(data, []byte{0, 0, 0, 0, 0, 0, 0})
}
