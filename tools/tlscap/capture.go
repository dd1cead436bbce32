package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tc"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/tlscap/pcap"
)

// capture is the way of packets and secrets into the file.
//
//	packet -> filter -> held back, until it is known whose it is -> file
//	secret --------------------------------------------------------^
type capture struct {
	interfaces netInterfaces
	announced  int // of them, in the file
	filter     *pcap.Filter
	byProcess  bool // packets of processes that do not pass the filters are not wanted
	limit      uint64
	snaplen    int
	stdout     io.Writer // where the file is written to, if it has no name
	file       *os.File  // else
	w          *pcap.Writer
	secrets    *keylog
	owners     owners

	maps    map[string]*ebpf.Map
	written uint64 // secrets
	others  uint64 // packets that turned out to be of other processes
	beyond  uint64 // packets beyond the limit
	latest  int64  // time of the latest record since packets were released last
	stopped bool
}

// pcapStdout is the name of a file that stands for stdout.
const pcapStdout = "-"

// newCapture opens the file and writes its head.
func newCapture(cfg *config, env *command.Env) (*capture, error) {
	c := &capture{filter: cfg.filter, byProcess: byProcess(env), snaplen: cfg.snaplen}
	c.limit, env.Count = uint64(env.Count), 0 // of packets, which are not printed
	c.secrets = newKeylog(func(line string) error {
		c.written++
		return c.w.Secret([]byte(line))
	})
	var out io.Writer
	if cfg.pcapFile == pcapStdout {
		c.stdout, env.Stdout = env.Stdout, io.Discard
		out = c.stdout
	} else {
		var err error
		if c.file, err = openPacketFile(cfg.pcapFile); err != nil {
			return nil, err
		}
		out = c.file
	}
	if err := c.begin(out, cfg); err != nil {
		return nil, err
	}
	return c, nil
}

// begin writes the interfaces.
func (c *capture) begin(out io.Writer, cfg *config) error {
	for _, n := range cfg.found {
		c.interfaces.add(n)
	}
	w, err := pcap.NewWriter(out, "tlscap "+command.Version+" (Ringside)", c.block(cfg.found[0]))
	if err != nil {
		return err
	}
	c.w, c.announced = w, 1
	c.w.Decide = c.decide
	return c.announce()
}

// announce writes the interfaces that are not in the file yet.
func (c *capture) announce() error {
	for _, n := range c.interfaces.from(c.announced) {
		if _, err := c.w.AddInterface(c.block(n)); err != nil {
			return err
		}
		c.announced++
	}
	return nil
}

func (c *capture) block(n netInterface) pcap.Interface {
	return pcap.Interface{Name: n.name, Link: n.link, Snap: uint32(c.snaplen), Filter: c.filter.String()}
}

// watch captures on interfaces that come up later as well.
func (c *capture) watch(env *command.Env, l *loader.Loaded, how tc.Attacher) error {
	tell := func(format string, args ...any) { fmt.Fprintf(env.Stderr, env.Name+": "+format+"\n", args...) }
	say := tell
	if !env.Verbose {
		say = func(string, ...any) {}
	}
	w, err := watch(l, how, &c.interfaces, tell, say)
	if err != nil {
		return err
	}
	l.Own(w)
	return nil
}

// openPacketFile opens the file, which must be ours alone, and new: behind what another capture wrote, secrets would
// come after the packets that need them.
func openPacketFile(path string) (*os.File, error) {
	f, err := openPrivate(path, 0)
	if err != nil {
		return nil, fmt.Errorf("--pcap-file: %w", err)
	}
	if info, err := f.Stat(); err != nil || info.Size() > 0 {
		f.Close()
		if err == nil {
			err = fmt.Errorf("%s is there already, and a packet file cannot be continued", path)
		}
		return nil, fmt.Errorf("--pcap-file: %w", err)
	}
	return f, nil
}

// byProcess reports whether filters choose among processes.
func byProcess(env *command.Env) bool {
	f := env.Filter
	return len(env.Args) > 0 || len(f.PIDs) > 0 || f.User != "" || f.Comm != "" || f.Cgroup != "" || f.Container != "" ||
		f.MntNS != "" || f.CgroupMap != "" || f.MntNSMap != ""
}

// decodePacket reads a packet. Its data belong to the record, unless a tag had to be put into them.
func (d *decoder) decodePacket(h *trace.Host, raw []byte, e *event) error {
	if len(raw) < packetSize {
		return trace.ErrShortRecord(len(raw), packetSize)
	}
	var r bpfPacketRecord
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&r)), packetSize), raw)
	*e = event{kind: kindPacket}
	e.Time = h.Clock.Wall(r.Head.TimeNs)
	p := &e.packet
	*p = pcap.Record{
		Interface: int(r.Interface), Time: e.Time, Length: int(r.Length), Direction: pcap.Inbound, Undecided: r.Undecided != 0,
		Data: raw[packetSize:][:min(int(r.Len), len(raw)-packetSize)],
	}
	if r.Outbound != 0 {
		p.Direction = pcap.Outbound
	}
	if r.VlanProto != 0 {
		p.Data = tagged(p.Data, r.VlanProto, r.VlanTci)
		p.Data = p.Data[:min(len(p.Data), d.capture.snaplen)]
		p.Length += vlanTag
	}
	return nil
}

// vlanTag is how long the tag of a VLAN is, and where it goes in a frame of Ethernet.
const (
	vlanTag   = 4
	vlanTagAt = 12
)

// tagged puts the tag that the kernel keeps beside a packet back into it.
func tagged(data []byte, proto, tci uint16) []byte {
	if len(data) < vlanTagAt {
		return data
	}
	var tag [vlanTag]byte
	binary.BigEndian.PutUint16(tag[:], proto)
	binary.BigEndian.PutUint16(tag[2:], tci)
	return slices.Concat(data[:vlanTagAt], tag[:], data[vlanTagAt:])
}

// keep decides about what is known now; whose a packet is may not be known yet.
func (c *capture) keep(e *event) bool {
	c.latest = max(c.latest, e.Time)
	if e.kind != kindPacket {
		return c.secrets.keep(e)
	}
	r := &e.packet
	n, ok := c.interfaces.get(r.Interface)
	if !ok {
		return false
	}
	p := pcap.Parse(n.link, r.Data, r.Length)
	return c.filter.Match(&p)
}

// expand takes in a packet. What is printed are the secrets.
func (c *capture) expand(e *event, print func(*event) error) error {
	if err := c.secrets.err; err != nil {
		return err
	}
	if e.kind != kindPacket {
		return print(e)
	}
	if err := c.announce(); err != nil {
		return err
	}
	r := e.packet
	r.Data = slices.Clone(r.Data)
	return c.w.Packet(r)
}

// decide is asked about a packet when it is written: by now it is known whose it is, if ever.
func (c *capture) decide(r *pcap.Record) bool {
	n, _ := c.interfaces.get(r.Interface)
	p := pcap.Parse(n.link, r.Data, r.Length)
	ends := c.owners.ends(&p, r.Direction, n.loopback)
	if c.byProcess && r.Undecided && !ends.pass() {
		c.others++
		return false
	}
	if c.limit > 0 && c.w.Written() >= c.limit {
		c.beyond++
		return false
	}
	r.Comment = ends.comment()
	return true
}

// late tells of packets that were decided about when they were to be written.
func (c *capture) late() (filtered, unread uint64) { return c.others, c.beyond }

// rest writes what was held for long enough, at the end all of it.
func (c *capture) rest(end bool, _ func(*event) error) error {
	now := time.Now().UnixNano()
	switch {
	case end:
		return c.close(now)
	case c.stdout != nil && output.ReaderGone(c.stdout):
		return syscall.EPIPE
	}
	if c.latest > 0 && c.latest < now {
		// There may be more to read: what was sent a second after a packet must have come before it is written, however
		// late we are.
		now = c.latest
	}
	c.latest = 0
	if err := c.w.Release(now); err != nil {
		return err
	}
	if c.limit > 0 && c.w.Written() >= c.limit && !c.stopped {
		c.stopped = true
		return events.ErrStop
	}
	return nil
}

func (c *capture) close(now int64) error {
	if err := c.announce(); err != nil {
		return err
	}
	for number, n := range c.interfaces.from(0) {
		if n.gone {
			c.w.Lost(number, n.lost)
			continue
		}
		var state bpfPacketInterface
		if err := c.maps["packet_interfaces"].Lookup(uint32(n.index), &state); err != nil {
			return fmt.Errorf("read what was lost on %s: %w", n.name, err)
		}
		c.w.Lost(number, state.Lost)
	}
	return c.w.Close(now)
}

// remark tells what is in the file.
func (c *capture) remark(maps map[string]*ebpf.Map) (string, error) {
	text := fmt.Sprintf("%d packets and %d secrets written", c.w.Written(), c.written)
	if n := c.w.Early(); n > 0 {
		text += fmt.Sprintf(", %d packets of them perhaps before their secrets", n)
	}
	more, err := c.secrets.remark(maps)
	if more != "" {
		text += "; " + more
	}
	return text, err
}

// ended closes the file.
func (c *capture) ended() error {
	if c.file != nil {
		if err := c.file.Close(); err != nil {
			return fmt.Errorf("write packet file: %w", err)
		}
	}
	if err := c.secrets.err; err != nil && !errors.Is(err, unix.EPIPE) {
		return err
	}
	return nil
}
