package pcap

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/ringside-tools/ringside/internal/output"
)

// Hold is how long packets are held back, so that the secrets that decrypt them come before them.
const Hold = time.Second

// Bounds of what a writer keeps.
const (
	maxHeld    = 64 << 20 // bytes of packets
	maxSecrets = 1 << 16  // lines that are remembered, so that none is written twice
	heldCost   = 128
)

// Interface is one that packets come from.
type Interface struct {
	Name    string
	Link    Link   // see [LinkType]
	Snap    uint32 // bytes that are captured of a packet; 0: all
	Filter  string
	Comment string
}

// Direction of a packet, seen from this machine.
type Direction uint8

// Packets that are only seen, as by a mirror, have DirectionUnknown.
const (
	DirectionUnknown Direction = iota
	Inbound
	Outbound
)

// Record is a packet to write.
type Record struct {
	Interface int   // as AddInterface returned it
	Time      int64 // nanoseconds since 1970
	Data      []byte
	Length    int // on the wire
	Direction Direction
	Drops     uint64 // packets of this interface that were lost just before
	Comment   []byte // "curl, pid 4711"; of any content
	Undecided bool   // for Writer.Decide: whether it is wanted is not known yet
}

// Writer writes a pcapng file. It is for one goroutine.
type Writer struct {
	// Decide, if not nil, is asked about each packet when it is about to be written: it can add a comment, and returns
	// whether the packet is wanted.
	Decide func(*Record) bool

	out     blocks
	hold    time.Duration
	queue   []Record // in the order they came, which is nearly that of their times
	held    int
	early   uint64
	packets []uint64 // written, by interface
	drops   []uint64
	secrets map[string]struct{}
}

// NewWriter begins a file of one section, with a first interface, which has the number 0. application says who wrote
// the file.
func NewWriter(w io.Writer, application string, first Interface) (*Writer, error) {
	n := &Writer{out: blocks{w: w}, hold: Hold, secrets: make(map[string]struct{})}
	n.out.section(application)
	if _, err := n.AddInterface(first); err != nil {
		return nil, err
	}
	return n, nil
}

// clean makes text that is safe in whatever shows it, and short enough for an option.
func clean(s string) string { return string(output.AppendEscaped(nil, []byte(s[:min(len(s), 4096)]))) }

// AddInterface adds another interface and returns its number.
func (w *Writer) AddInterface(i Interface) (int, error) {
	w.out.iface(&i)
	w.packets, w.drops = append(w.packets, 0), append(w.drops, 0)
	return len(w.packets) - 1, w.out.fill()
}

// Secret writes a line of a key log, with the next flush ("CLIENT_RANDOM … …"), unless it was written before.
func (w *Writer) Secret(line []byte) error {
	line = bytes.TrimRight(line, "\n")
	if _, known := w.secrets[string(line)]; known {
		return nil
	}
	if len(w.secrets) >= maxSecrets { // what is older comes again, at worst
		clear(w.secrets)
	}
	w.secrets[string(line)] = struct{}{}
	w.out.secret(append(bytes.Clone(line), '\n'))
	return nil
}

// Packet takes a packet, and keeps its data. It is written when [Writer.Release] is called later than its time and the
// time that packets are held, or sooner if there is no more room ([Writer.Early]).
func (w *Writer) Packet(r Record) error {
	if r.Interface < 0 || r.Interface >= len(w.packets) {
		return fmt.Errorf("write packet file: no interface %d", r.Interface)
	}
	w.queue = append(w.queue, r)
	w.held += len(r.Data) + heldCost
	n := 0
	for w.held > maxHeld {
		if err := w.write(w.queue[n]); err != nil {
			return err
		}
		w.held -= len(w.queue[n].Data) + heldCost
		w.queue[n] = Record{}
		w.early++
		n++
	}
	w.queue = w.queue[n:]
	return nil
}

// Early returns how many packets were written before their time for want of room: their secrets may come too late.
func (w *Writer) Early() uint64 { return w.early }

// Release writes the packets that were held for long enough, and flushes. now is in nanoseconds since 1970.
func (w *Writer) Release(now int64) error { return w.release(now - w.hold.Nanoseconds()) }

func (w *Writer) release(until int64) error {
	n := 0
	for n < len(w.queue) && w.queue[n].Time <= until {
		if err := w.write(w.queue[n]); err != nil {
			return err
		}
		w.held -= len(w.queue[n].Data) + heldCost
		n++
	}
	w.queue = append(w.queue[:0], w.queue[n:]...)
	clear(w.queue[len(w.queue):cap(w.queue)]) // let go of the data
	return w.out.flush()
}

// Close writes what is held, and how many packets each interface had.
func (w *Writer) Close(now int64) error {
	const always = 1<<63 - 1
	if err := w.release(always); err != nil {
		return err
	}
	for i := range w.packets {
		w.out.statistics(i, now, w.packets[i]+w.drops[i], w.drops[i])
	}
	return w.out.flush()
}

// Lost counts packets of an interface that were lost, and no packet came after to say so.
func (w *Writer) Lost(i int, n uint64) { w.drops[i] += n }

// Written returns how many packets were written so far.
func (w *Writer) Written() (n uint64) {
	for _, p := range w.packets {
		n += p
	}
	return n
}

func (w *Writer) write(r Record) error {
	if w.Decide != nil && !w.Decide(&r) {
		return nil
	}
	w.out.packet(&r)
	w.packets[r.Interface]++
	w.drops[r.Interface] += r.Drops
	return w.out.fill()
}
