package http

import "encoding/binary"

// Frames of HTTP/2 (RFC 9113, section 6).
const (
	frameHeader = 9 // bytes before the payload

	frameData         = 0
	frameHeaders      = 1
	framePriority     = 2
	frameReset        = 3
	frameSettings     = 4
	framePush         = 5
	framePing         = 6
	frameGoAway       = 7
	frameWindow       = 8
	frameContinuation = 9

	flagAck        = 0x1 // of settings and pings
	flagEndStream  = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20

	settingTableSize = 1
)

// frame is what the header of a frame says.
type frame struct {
	length      int
	kind, flags byte
	reserved    bool
	stream      uint32
}

func parseFrameHeader(b []byte) frame {
	id := binary.BigEndian.Uint32(b[5:])
	return frame{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		kind:   b[3], flags: b[4],
		reserved: id>>31 != 0, stream: id &^ (1 << 31),
	}
}

func (f frame) has(flag byte) bool { return f.flags&flag != 0 }

// valid reports whether length and stream fit the type, as far as it is known.
func (f frame) valid() bool {
	switch f.kind {
	case frameData, frameHeaders, framePush, frameContinuation:
		return f.stream != 0
	case framePriority:
		return f.stream != 0 && f.length == 5
	case frameReset:
		return f.stream != 0 && f.length == 4
	case frameSettings:
		return f.stream == 0 && f.length%6 == 0 && (!f.has(flagAck) || f.length == 0)
	case framePing:
		return f.stream == 0 && f.length == 8
	case frameGoAway:
		return f.stream == 0 && f.length >= 8
	case frameWindow:
		return f.length == 4
	}
	return true
}

// Bounds of what is taken for a frame where it is not known whether one begins here.
const (
	plausibleLength = 1 << 20
	plausibleStream = 1 << 24
)

// plausible is stricter than valid, for bytes of which nothing is known.
func (f frame) plausible() bool {
	flags := [...]byte{
		frameData:     flagEndStream | flagPadded,
		frameHeaders:  flagEndStream | flagEndHeaders | flagPadded | flagPriority,
		framePriority: 0, frameReset: 0, frameSettings: flagAck,
		framePush: flagEndHeaders | flagPadded,
		framePing: flagAck, frameGoAway: 0, frameWindow: 0, frameContinuation: flagEndHeaders,
	}
	return int(f.kind) < len(flags) && f.flags&^flags[f.kind] == 0 && !f.reserved && f.valid() &&
		f.length <= plausibleLength && f.stream < plausibleStream && (f.kind != frameHeaders || f.length > 0)
}

// content returns the payload of a whole frame without padding and priority.
func (f frame) content(payload []byte) ([]byte, bool) {
	pad := 0
	if f.has(flagPadded) {
		if len(payload) == 0 {
			return nil, false
		}
		pad, payload = int(payload[0]), payload[1:]
	}
	if f.kind == frameHeaders && f.has(flagPriority) {
		if len(payload) < 5 {
			return nil, false
		}
		payload = payload[5:]
	}
	if pad > len(payload) {
		return nil, false
	}
	return payload[:len(payload)-pad], true
}

var errorNames = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
	"FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
	"INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

// errorName names an error code of RST_STREAM and GOAWAY.
func errorName(code uint32) string {
	if int64(code) < int64(len(errorNames)) {
		return errorNames[code]
	}
	return "unknown error"
}
