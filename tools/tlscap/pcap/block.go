package pcap

import (
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
)

// Blocks of a pcapng file (draft-ietf-opsawg-pcapng), little endian.
const (
	blockSection    = 0x0a0d0d0a
	blockInterface  = 1
	blockStatistics = 5
	blockPacket     = 6
	blockSecrets    = 10

	byteOrderMagic = 0x1a2b3c4d
	secretsTLS     = 0x544c534b // "TLSK": lines of a key log
)

// Options of blocks. Of each kind of block the codes are its own, but for the comment.
const (
	optEnd     = 0
	optComment = 1

	sectionHardware    = 2
	sectionOS          = 3
	sectionApplication = 4

	interfaceName       = 2
	interfaceResolution = 9
	interfaceFilter     = 11
	interfaceOS         = 12

	packetFlags = 2
	packetDrops = 4

	statisticsReceived = 4
	statisticsDropped  = 5
)

const (
	nanoseconds = 9 // decimals of a time stamp
	filterText  = 0 // a filter as libpcap would be given it
)

// blocks puts a file together. What is written waits until it is flushed, so that a flood is written in large pieces.
type blocks struct {
	w     io.Writer
	buf   []byte
	start int // of the block that is being made
}

// flushAt is how much waits at most.
const flushAt = 256 << 10

func (b *blocks) fill() error {
	if len(b.buf) < flushAt {
		return nil
	}
	return b.flush()
}

func (b *blocks) flush() error {
	if len(b.buf) == 0 {
		return nil
	}
	_, err := b.w.Write(b.buf)
	if b.buf = b.buf[:0]; err != nil {
		return fmt.Errorf("write packet file: %w", err)
	}
	return nil
}

func (b *blocks) u16(n uint16) { b.buf = binary.LittleEndian.AppendUint16(b.buf, n) }
func (b *blocks) u32(n uint32) { b.buf = binary.LittleEndian.AppendUint32(b.buf, n) }
func (b *blocks) u64(n uint64) { b.buf = binary.LittleEndian.AppendUint64(b.buf, n) }

// stamp writes a time, the high half first.
func (b *blocks) stamp(ns int64) {
	b.u32(uint32(uint64(ns) >> 32))
	b.u32(uint32(ns))
}

// bytes writes them, padded to four.
func (b *blocks) bytes(p []byte) {
	b.buf = append(b.buf, p...)
	b.buf = append(b.buf, make([]byte, -len(p)&3)...)
}

func (b *blocks) option(code uint16, value []byte) {
	b.u16(code)
	b.u16(uint16(len(value)))
	b.bytes(value)
}

// text is an option that is left out if it is empty.
func (b *blocks) text(code uint16, s string) {
	if s = clean(s); s != "" {
		b.option(code, []byte(s))
	}
}

func (b *blocks) begin(kind uint32) {
	b.start = len(b.buf)
	b.u32(kind)
	b.u32(0) // how long it is: written at its end
}

func (b *blocks) end() {
	size := uint32(len(b.buf)-b.start) + 4
	b.u32(size)
	binary.LittleEndian.PutUint32(b.buf[b.start+4:], size)
}

func (b *blocks) endOptions() { b.option(optEnd, nil) }

func (b *blocks) section(application string) {
	b.begin(blockSection)
	b.u32(byteOrderMagic)
	b.u16(1) // version 1.0
	b.u16(0)
	b.u64(1<<64 - 1) // how long it is, is not known
	b.text(sectionHardware, runtime.GOARCH)
	b.text(sectionOS, runtime.GOOS)
	b.text(sectionApplication, application)
	b.endOptions()
	b.end()
}

func (b *blocks) iface(i *Interface) {
	b.begin(blockInterface)
	b.u16(uint16(i.Link))
	b.u16(0)
	b.u32(i.Snap)
	b.text(interfaceName, i.Name)
	b.text(optComment, i.Comment)
	b.option(interfaceResolution, []byte{nanoseconds})
	if f := clean(i.Filter); f != "" {
		b.option(interfaceFilter, append([]byte{filterText}, f...))
	}
	b.text(interfaceOS, runtime.GOOS)
	b.endOptions()
	b.end()
}

func (b *blocks) secret(lines []byte) {
	b.begin(blockSecrets)
	b.u32(secretsTLS)
	b.u32(uint32(len(lines)))
	b.bytes(lines)
	b.end()
}

func (b *blocks) packet(r *Record) {
	b.begin(blockPacket)
	b.u32(uint32(r.Interface))
	b.stamp(r.Time)
	b.u32(uint32(len(r.Data)))
	b.u32(uint32(max(r.Length, len(r.Data))))
	b.bytes(r.Data)
	before := len(b.buf)
	b.text(optComment, string(r.Comment))
	if r.Direction != DirectionUnknown {
		b.option(packetFlags, binary.LittleEndian.AppendUint32(nil, uint32(r.Direction)))
	}
	if r.Drops > 0 {
		b.option(packetDrops, binary.LittleEndian.AppendUint64(nil, r.Drops))
	}
	if len(b.buf) > before {
		b.endOptions()
	}
	b.end()
}

func (b *blocks) statistics(number int, now int64, received, dropped uint64) {
	b.begin(blockStatistics)
	b.u32(uint32(number))
	b.stamp(now)
	b.option(statisticsReceived, binary.LittleEndian.AppendUint64(nil, received))
	b.option(statisticsDropped, binary.LittleEndian.AppendUint64(nil, dropped))
	b.endOptions()
	b.end()
}
