package http

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// wsFrameBytes is a frame as it is sent; the mask is that of clients.
func wsFrameBytes(first byte, masked bool, payload []byte) []byte {
	b := []byte{first}
	bit := byte(0)
	if masked {
		bit = 0x80
	}
	switch n := len(payload); {
	case n < 126:
		b = append(b, bit|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, bit|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, bit|127), uint64(n))
	}
	if !masked {
		return append(b, payload...)
	}
	mask := []byte{1, 2, 3, 0x84}
	b = append(b, mask...)
	for i, c := range payload {
		b = append(b, c^mask[i&3])
	}
	return b
}

// wsDeflate compresses messages one after the other, each of which refers to those before.
func wsDeflate(t testing.TB, messages ...string) (out [][]byte) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 9)
	qt.Assert(t, qt.IsNil(err))
	for _, m := range messages {
		b.Reset()
		w.Write([]byte(m))
		w.Flush()
		out = append(out, bytes.TrimSuffix(bytes.Clone(b.Bytes()), []byte{0, 0, 0xff, 0xff}))
	}
	return out
}

const (
	upgrade  = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n"
	upgraded = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)

func wsConversation(t testing.TB) []Chunk {
	long := strings.Repeat("long ", 20000)
	deflated := wsDeflate(t, sentence+sentence, sentence)
	client, server := []byte(upgrade), []byte(upgraded)
	server = append(server, wsFrameBytes(0x81, false, []byte("welcome"))...)
	reply := wsFrameBytes(0x01, true, []byte("in "))
	reply = append(reply, wsFrameBytes(0x89, true, []byte("ping between"))...)
	reply = append(reply, wsFrameBytes(0x00, true, []byte("three "))...)
	reply = append(reply, wsFrameBytes(0x80, true, []byte("parts"))...)
	reply = append(reply, wsFrameBytes(0xc1, true, deflated[0])...)
	reply = append(reply, wsFrameBytes(0xc1, true, deflated[1])...)
	answer := wsFrameBytes(0x8a, false, []byte("ping between"))
	answer = append(answer, wsFrameBytes(0x82, false, []byte(long))...)
	answer = append(answer, wsFrameBytes(0x82, false, bytes.Repeat([]byte("m"), 300))...)
	answer = append(answer, wsFrameBytes(0x88, false, []byte{3, 0xe8})...)
	return []Chunk{
		{Dir: Sent, Time: 1, Data: client}, {Dir: Received, Time: 2, Data: server},
		{Dir: Sent, Time: 3, Data: reply}, {Dir: Received, Time: 4, Data: answer},
	}
}

func TestWebSocket(t *testing.T) {
	chunks := wsConversation(t)
	var got []string
	for _, m := range decode(t, Limits{}, chunks) {
		got = append(got, fmt.Sprintf("%v %v %s %v %v %d %d %.20q", m.Dir, m.Kind, m.Opcode, m.Masked, m.Compressed, m.Fragments, len(m.Body), m.Body))
	}
	qt.Check(t, qt.DeepEquals(got, []string{
		`sent request  false false 0 0 ""`,
		`received response  false false 0 0 ""`,
		`received websocket text false false 1 7 "welcome"`,
		`sent websocket ping true false 1 12 "ping between"`,
		`sent websocket text true false 3 14 "in three parts"`,
		`sent websocket text true true 1 88 "the quick brown fox "`,
		`sent websocket text true true 1 44 "the quick brown fox "`,
		`received websocket pong false false 1 12 "ping between"`,
		`received websocket binary false false 1 100000 "long long long long "`,
		`received websocket binary false false 1 300 "mmmmmmmmmmmmmmmmmmmm"`,
		`received websocket close false false 1 2 "\x03\xe8"`,
	}))
	everySize(t, chunks)
}

// TestWebSocketGap: a message with bytes missing is marked, and those after it are whole.
func TestWebSocketGap(t *testing.T) {
	chunks := wsConversation(t)
	big := append(wsFrameBytes(0x82, false, make([]byte, 1000)), wsFrameBytes(0x81, false, []byte("after"))...)
	chunks = append(chunks[:2], Chunk{Dir: Received, Time: 5, Data: big[:100], Missing: 904}, Chunk{Dir: Received, Time: 6, Data: big[1004:]})
	got := ofKind(decode(t, Limits{}, chunks), KindWebSocket)
	qt.Assert(t, qt.HasLen(got, 3))
	qt.Check(t, qt.Equals(got[1].BodyBytes, 1000))
	qt.Check(t, qt.IsTrue(got[1].BodyCut))
	qt.Check(t, qt.Equals(string(got[2].Body), "after"))
}
