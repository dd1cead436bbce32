//go:build bcc

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cilium/ebpf"
	gobpf "github.com/iovisor/gobpf/bcc"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/argdist/bcc"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/report"
)

// canDrop says whether a process can drop capabilities on all of its threads, which
// one with cgo cannot.
const canDrop = false

// compiled is a specifier that libbcc has compiled.
type compiled struct {
	spec         *bcc.Specifier
	kind         report.Kind
	code         string
	textSize     int
	signed       []bool // by expression
	module       *gobpf.Module
	maps         []*ebpf.Map       // table and counters
	before, rows map[string]uint64 // counts by key: in the table at the last look, and since
}

// prepareBCC compiles and attaches all specifiers.
func (s *session) prepareBCC() error {
	if err := preflight.Capabilities(s.env.Name, append(trace.BaseNeeds(), tracefsNeeds()...)); err != nil {
		return err
	}
	if _, err := preflight.RaiseMemlock(); err != nil {
		return err
	}
	for _, w := range s.cfg.wanted() {
		spec, err := bcc.Split(w.text)
		if err != nil {
			return &command.UsageError{Err: fmt.Errorf("%s: %w", oneLine(w.text), err)}
		}
		c := &compiled{spec: spec, kind: w.kind, textSize: s.cfg.size}
		for _, typ := range spec.Types {
			c.signed = append(c.signed, bcc.Signed(typ, s.signed))
		}
		c.code = spec.C(bcc.Options{
			Histogram: w.kind == report.Log2, TextSize: s.cfg.size, Keys: s.cfg.keys, Headers: s.cfg.includes,
			Self: s.sieve.Self, PIDs: s.sieve.PIDs, TID: s.sieve.TID, ByUID: s.sieve.ByUID, UID: s.sieve.UID, Comm: s.sieve.Comm,
		})
		s.sources = append(s.sources, c)
		if err := c.start(s.env.Filter.PIDs); err != nil {
			return fmt.Errorf("%s: %w", oneLine(w.text), err)
		}
	}
	return nil
}

// signed looks up a type by its name.
func (s *session) signed(name string) (signed, ok bool) {
	t, ok := s.host.Names().Named(name)
	return ok && ctype.IsSigned(t), ok
}

// start compiles, loads and attaches. What the compiler has to say it says on stderr.
func (c *compiled) start(pids []uint32) error {
	if c.module = gobpf.NewModule(c.code, nil); c.module == nil {
		return fmt.Errorf("bcc's compiler refuses it (its reasons are above; it takes the kernel's headers, apt-get install linux-headers-$(uname -r))")
	}
	for _, name := range []string{bcc.Table, bcc.Counters} {
		fd, _ := gobpf.NewTable(c.module.TableId(name), c.module).Config()["fd"].(int)
		fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("map %s: %w", name, err)
		}
		m, err := ebpf.NewMapFromFD(fd)
		if err != nil {
			return fmt.Errorf("map %s: %w", name, err)
		}
		c.maps = append(c.maps, m)
	}
	if c.spec.Kind == 't' {
		program, tracepoint := c.spec.Tracepoint()
		fd, err := c.module.LoadTracepoint(program)
		if err != nil {
			return err
		}
		return c.module.AttachTracepoint(tracepoint, fd)
	}
	if c.spec.Paired() { // the entry comes first: no return is seen whose entry was not
		if err := c.attach(bcc.Entry, false, pids); err != nil {
			return err
		}
	}
	return c.attach(bcc.Program, c.spec.Kind == 'r', pids)
}

func (c *compiled) attach(program string, atReturn bool, pids []uint32) error {
	m, name := c.module, c.spec.Function
	fd, err := m.LoadKprobe(program)
	if err != nil {
		return err
	}
	if c.spec.Library == "" {
		if atReturn {
			return m.AttachKretprobe(name, fd, 0)
		}
		return m.AttachKprobe(name, fd, 0)
	}
	attach := m.AttachUprobe
	if atReturn {
		attach = m.AttachUretprobe
	}
	pid := -1 // libbcc has one event for a place: of several processes, the program chooses
	if len(pids) == 1 {
		pid = int(pids[0])
	}
	return attach(c.spec.Library, name, fd, pid)
}

// take reads the table, which is never cleared: what came in between would be lost.
// What it had before is taken off, and --keys is for the whole run.
func (c *compiled) take(accumulate bool) (int, error) {
	now := make(map[string]uint64)
	var key []byte
	var n uint64
	it := c.maps[0].Iterate()
	for it.Next(&key, &n) {
		now[string(key)] = n
	}
	if err := it.Err(); err != nil {
		return 0, fmt.Errorf("read table: %w", err)
	}
	news := make(map[string]uint64)
	for key, n := range now {
		if n -= c.before[key]; n > 0 {
			news[key] = n
		}
	}
	c.before, c.rows = now, news
	if accumulate {
		c.rows = now
	}
	return len(news), nil
}

func (c *compiled) table(top int) report.Table {
	out := report.Table{Spec: oneLine(c.spec.Text), Label: c.spec.Label, Kind: c.kind}
	keys := len(c.spec.Exprs)
	if c.kind == report.Count {
		out.Top = top
	} else {
		keys--
		out.Value, out.Signed = bcc.Shown(c.spec.Exprs[keys]), c.signed[keys]
	}
	for _, e := range c.spec.Exprs[:keys] {
		switch {
		case c.spec.Default() && e == "1": // total calls
		case c.spec.Default():
			out.Exprs = append(out.Exprs, "retval")
		default:
			out.Exprs = append(out.Exprs, bcc.Shown(e))
		}
	}
	index := make(map[string]int)
	for key, n := range c.rows {
		values, rest := c.values(keys, []byte(key))
		own := key[:len(key)-len(rest)]
		if c.kind == report.Count {
			out.Rows = append(out.Rows, report.Row{Key: values[:len(out.Exprs)], Count: n})
			continue
		}
		i, ok := index[own]
		if !ok {
			i = len(out.Rows)
			index[own] = i
			out.Rows = append(out.Rows, report.Row{Key: values})
		}
		slot := int(int64(binary.NativeEndian.Uint64(rest)))
		out.Rows[i].Buckets = append(out.Rows[i].Buckets, report.Bucket{Slot: slot, Count: n})
	}
	return out
}

// values reads the parts of a key, and returns what is behind them.
func (c *compiled) values(keys int, key []byte) (values []report.Value, rest []byte) {
	for i := range keys {
		if bcc.IsText(c.spec.Types[i]) {
			text, _, _ := bytes.Cut(key[:bcc.Room(c.textSize)], []byte{0})
			values, key = append(values, report.Text(text)), key[bcc.Room(c.textSize):]
			continue
		}
		n := binary.NativeEndian.Uint64(key)
		key = key[8:]
		if c.signed[i] {
			values = append(values, report.Int(int64(n)))
		} else {
			values = append(values, report.Uint(n))
		}
	}
	return values, key
}

func (c *compiled) counters() (sum gen.Counters, err error) {
	var all []gen.Counters
	if err := c.maps[1].Lookup(uint32(0), &all); err != nil {
		return sum, fmt.Errorf("read counters: %w", err)
	}
	for _, one := range all {
		sum.Add(one)
	}
	return sum, nil
}

func (c *compiled) missing() (skipped, missed uint64) { return 0, 0 } // libbcc keeps its programs to itself

func (c *compiled) hook() hookReport {
	return hookReport{Spec: oneLine(c.spec.Text), Rung: "bcc", Targets: 1, Refused: []string{}}
}

func (c *compiled) listings() []string { return []string{c.code} }

// detach does nothing: libbcc lets go of everything at once.
func (c *compiled) detach() {}

func (c *compiled) close() {
	for _, m := range c.maps {
		m.Close()
	}
	if c.module != nil {
		c.module.Close()
	}
}
