package main

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// features adds up events by process and window, for machine learning: a row of
// CSV for each process that did something in a window of time.
type features struct {
	w      *bufio.Writer
	window time.Duration
	began  int64 // of the window
	rows   map[uint32]*featureRow
	err    error
}

// letters are the events that are counted one by one and in threes: open, create,
// delete, rename, truncate, write, encrypt.
const letters = "OCDRTWE"

// featureRow is what one process did in a window.
type featureRow struct {
	comm                   string
	n                      [len(letters)]int
	second                 int64 // the one that inSecond is of
	inSecond, max          [len(letters)]int
	matches, links, chmods int
	writeOpens, failures   int
	files, dirs, endings   map[string]bool
	suffixes               map[string]int // appended by renames
	bytes, encrypted       uint64
	last                   [2]byte
	threes                 map[string]int
}

// threes are the runs of three that have a column of their own: those of the
// founding detector, which knows O, C and D.
var threes = func() []string {
	var out []string
	for _, a := range "OCD" {
		for _, b := range "OCD" {
			for _, c := range "OCD" {
				out = append(out, string([]rune{a, b, c}))
			}
		}
	}
	return out
}()

func newFeatures(w io.Writer, window time.Duration) *features {
	f := &features{w: bufio.NewWriter(w), window: window, rows: make(map[uint32]*featureRow)}
	head := []string{"time", "pid", "comm"}
	for _, l := range letters {
		head = append(head, string(l)+"_max", string(l)+"_sum")
	}
	head = append(head, "P_sum")
	head = append(head, threes...)
	head = append(head, "n_link", "n_attr", "n_write_open", "n_failed", "distinct_files", "distinct_dirs", "distinct_ext",
		"ren_same_suffix_max", "bytes_written", "enc_bytes", "label")
	f.line(head)
	return f
}

func (f *features) line(cells []string) {
	if f.err == nil {
		_, f.err = fmt.Fprintln(f.w, strings.Join(cells, ","))
	}
}

// letterOf is the letter of an op, or 0.
func letterOf(o op) byte {
	switch o {
	case opOpen:
		return 'O'
	case opCreate, opTmpfile, opMknod:
		return 'C'
	case opDelete, opRmdir:
		return 'D'
	case opRename:
		return 'R'
	case opTruncate:
		return 'T'
	case opWrite:
		return 'W'
	case opEncrypt:
		return 'E'
	}
	return 0
}

// see adds an event. Rows are written when their window is over.
func (f *features) see(e *event) error {
	if start := e.Time - e.Time%int64(f.window); start != f.began {
		f.write()
		f.began = start
	}
	r := f.rows[e.PID]
	if r == nil {
		r = &featureRow{files: make(map[string]bool), dirs: make(map[string]bool), endings: make(map[string]bool),
			suffixes: make(map[string]int), threes: make(map[string]int)}
		f.rows[e.PID] = r
	}
	r.comm = string(e.Comm)
	r.add(e)
	return f.err
}

func (r *featureRow) add(e *event) {
	if e.Ret < 0 {
		r.failures++
		return
	}
	if p := string(e.path); p != "" && e.op() != opEncrypt {
		r.files[p], r.dirs[path.Dir(p)], r.endings[path.Ext(p)] = true, true, true
	}
	switch e.op() {
	case opLink, opSymlink:
		r.links++
	case opChmod, opChown, opSetxattr, opRemovexattr:
		r.chmods++
	case opClose:
		r.bytes += e.Bytes
	case opEncrypt:
		r.encrypted += e.Bytes
	case opRename:
		if suffix, ok := strings.CutPrefix(string(e.path2), string(e.path)); ok && suffix != "" {
			r.suffixes[suffix]++
		}
	case opOpen:
		if e.OpenFlags&accessMode != unix.O_RDONLY {
			r.writeOpens++
		}
	}
	if e.verdict.Match {
		r.matches++
	}
	l := letterOf(e.op())
	i := strings.IndexByte(letters, l)
	if l == 0 || i < 0 {
		return
	}
	if second := e.Time / int64(time.Second); second != r.second {
		r.second, r.inSecond = second, [len(letters)]int{}
	}
	r.n[i]++
	r.inSecond[i]++
	r.max[i] = max(r.max[i], r.inSecond[i])
	if r.last[0] != 0 {
		r.threes[string([]byte{r.last[0], r.last[1], l})]++
	}
	r.last = [2]byte{r.last[1], l}
}

// idle writes the rows of a window that is over though nothing came after it.
func (f *features) idle(now int64) error {
	if now-f.began >= int64(f.window) && len(f.rows) > 0 {
		f.write()
	}
	return f.err
}

func (f *features) flush() error {
	f.write()
	return f.err
}

// write writes the rows of the window, by process.
func (f *features) write() {
	var pids []uint32
	for pid := range f.rows {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	at := time.Unix(0, f.began).UTC().Format(time.RFC3339Nano)
	for _, pid := range pids {
		r := f.rows[pid]
		cells := []string{at, strconv.FormatUint(uint64(pid), 10), csvText(r.comm)}
		number := func(n int) { cells = append(cells, strconv.Itoa(n)) }
		for i := range letters {
			number(r.max[i])
			number(r.n[i])
		}
		number(r.matches)
		for _, t := range threes {
			number(r.threes[t])
		}
		most := 0
		for _, n := range r.suffixes {
			most = max(most, n)
		}
		for _, n := range []int{r.links, r.chmods, r.writeOpens, r.failures, len(r.files), len(r.dirs), len(r.endings), most} {
			number(n)
		}
		f.line(append(cells, strconv.FormatUint(r.bytes, 10), strconv.FormatUint(r.encrypted, 10), ""))
	}
	clear(f.rows)
	if f.err == nil {
		f.err = f.w.Flush()
	}
}

// csvText is a name without what would break a row.
func csvText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == ',' || r == '"' || r == 0x7f || r == 0xfffd {
			return '_'
		}
		return r
	}, s)
	return strings.TrimLeft(s, "=+-@")
}
