package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/filesnoop/rules"
)

// rows are printed in place of events: those that programs for timelines and for
// machine learning read.
type rows interface {
	see(*event) error
	idle(now int64) error // nothing came for a while; now as in Head.Time
	flush() error
}

// escaped is text from outside as one line that a terminal can take.
func escaped(b []byte) string { return string(output.AppendEscaped(nil, b)) }

// timesketch writes events as Timesketch imports them, as JSON Lines or CSV. Of its
// columns message, datetime and timestamp_desc are mandatory.
type timesketch struct {
	lines *bufio.Writer
	table *csv.Writer // nil for JSON Lines
}

// sketchEvent is a line. timestamp is in microseconds.
type sketchEvent struct {
	Message   string   `json:"message"`
	Datetime  string   `json:"datetime"`
	Desc      string   `json:"timestamp_desc"`
	Timestamp int64    `json:"timestamp"`
	DataType  string   `json:"data_type"`
	PID       uint32   `json:"pid"`
	PPID      uint32   `json:"ppid"`
	UID       uint32   `json:"uid"`
	Comm      string   `json:"comm"`
	Exe       string   `json:"exe"`
	Op        string   `json:"op"`
	Path      string   `json:"path"`
	Path2     string   `json:"path2"`
	Severity  string   `json:"severity"`
	Rule      string   `json:"rule"`
	Alert     string   `json:"alert"`
	Tag       []string `json:"tag"`
}

var sketchColumns = []string{"message", "datetime", "timestamp_desc", "timestamp", "data_type", "pid", "ppid", "uid", "comm", "exe", "op",
	"path", "path2", "severity", "rule", "alert"}

func newTimesketch(w io.Writer, asCSV bool) *timesketch {
	t := &timesketch{lines: bufio.NewWriter(w)}
	if asCSV {
		t.table = csv.NewWriter(t.lines)
		_ = t.table.Write(sketchColumns) // an error comes again with the next row
	}
	return t
}

// descriptions are what the time of an event is of.
var descriptions = map[op]string{
	opOpen: "File Opened", opCreate: "Creation Time", opTmpfile: "Creation Time", opMemfd: "Creation Time", opDelete: "Deletion Time",
	opRename: "File Renamed", opLink: "Link Time", opSymlink: "Creation Time", opMkdir: "Creation Time", opRmdir: "Deletion Time",
	opMknod: "Creation Time", opTruncate: "Content Modification Time", opWrite: "Content Modification Time",
	opClose: "Content Modification Time", opMmap: "Content Modification Time", opEncrypt: "Data Encrypted",
}

func (t *timesketch) see(e *event) error {
	at := time.Unix(0, e.Time).UTC()
	s := sketchEvent{
		Datetime: at.Format("2006-01-02T15:04:05.000000+00:00"), Timestamp: at.UnixMicro(), Desc: descriptions[e.op()],
		DataType: "linux:filesnoop", PID: e.PID, PPID: e.PPID, UID: e.UID, Comm: escaped(e.Comm), Exe: escaped(e.exe), Op: e.op().String(),
		Path: escaped(e.path), Path2: escaped(e.path2), Severity: rules.Names[e.verdict.Severity], Rule: e.verdict.Rule, Tag: []string{},
	}
	if s.Desc == "" {
		s.Desc = "Metadata Modification Time" // attributes
	}
	s.Message = s.Op + " " + s.Path
	if e.path == nil {
		s.Message += escaped(e.name)
	}
	if s.Path2 != "" {
		s.Message += " -> " + s.Path2
	}
	if e.Ret < 0 {
		s.Message += ": " + unix.ErrnoName(unix.Errno(-e.Ret))
	}
	s.Message += fmt.Sprintf(" by %s (%d)", s.Comm, s.PID)
	if a := e.verdict.Alert; a != nil {
		s.Alert, s.Tag = a.Rule, []string{"filesnoop-alert", a.Rule}
		s.Message += fmt.Sprintf("; ALERT %s: %d files, the first is %s", a.Rule, a.Files, escaped([]byte(a.First)))
	}
	if t.table != nil {
		return t.table.Write([]string{s.Message, s.Datetime, s.Desc, strconv.FormatInt(s.Timestamp, 10), s.DataType, fmt.Sprint(s.PID), fmt.Sprint(s.PPID),
			fmt.Sprint(s.UID), noFormula(s.Comm), s.Exe, s.Op, noFormula(s.Path), noFormula(s.Path2), s.Severity, s.Rule, s.Alert})
	}
	enc := json.NewEncoder(t.lines)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return fmt.Errorf("write a line for Timesketch: %w", err)
	}
	return nil
}

// noFormula keeps spreadsheets from calculating.
func noFormula(s string) string {
	if s != "" && strings.IndexByte("=+-@", s[0]) >= 0 {
		return "'" + s
	}
	return s
}

func (t *timesketch) idle(int64) error { return t.flush() }

func (t *timesketch) flush() error {
	if t.table != nil {
		t.table.Flush()
		if err := t.table.Error(); err != nil {
			return err
		}
	}
	return t.lines.Flush()
}

// bodyfile writes events in the format 3 of The Sleuth Kit, which mactime sorts:
//
//	MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime
//
// The ids are those of who did it; a time is in seconds, and 0 where the event is
// about another of the four.
type bodyfile struct{ lines *bufio.Writer }

// The times.
const (
	accessed = iota
	modified
	changed
	born
)

// timeOf is which of the times an op is about.
func timeOf(o op) int {
	switch o {
	case opOpen:
		return accessed
	case opCreate, opTmpfile, opMemfd, opSymlink, opMkdir, opMknod:
		return born
	case opWrite, opClose, opTruncate, opMmap:
		return modified
	}
	return changed
}

func (b *bodyfile) see(e *event) error {
	if e.Ret < 0 || e.path == nil || e.op() == opEncrypt {
		return nil
	}
	name, which := e.path, timeOf(e.op())
	suffix := ""
	switch e.op() {
	case opDelete, opRmdir:
		suffix = " (deleted)"
	case opRename:
		if e.OpenFlags&renameExchange == 0 {
			suffix = " (deleted)"
		}
		if err := b.line(e, e.path2, "", which); err != nil {
			return err
		}
	case opLink:
		name = e.path2
	case opSymlink:
		suffix = " -> " + barless(e.path2)
	}
	return b.line(e, name, suffix, which)
}

// barless is a name without what would be a field of its own.
func barless(name []byte) string { return strings.ReplaceAll(escaped(name), "|", `\x7c`) }

func (b *bodyfile) line(e *event, name []byte, suffix string, which int) error {
	if name == nil {
		return nil
	}
	var times [4]int64
	times[which] = e.Time / int64(time.Second)
	inode, mode, size := uint64(0), "-/----------", uint64(0)
	if e.Flags&flagInode != 0 {
		inode, mode, size = e.Inode, sleuthMode(e.FileMode), e.Size
	}
	_, err := fmt.Fprintf(b.lines, "0|%s%s|%d|%s|%d|%d|%d|%d|%d|%d|%d\n", barless(name), suffix, inode, mode, e.UID, e.bpfFileRecord.Head.Gid, size,
		times[accessed], times[modified], times[changed], times[born])
	return err
}

// sleuthMode is a mode as The Sleuth Kit has it: the kind, twice, and the permissions.
func sleuthMode(mode uint32) string {
	kind := map[uint32]string{unix.S_IFREG: "r", unix.S_IFDIR: "d", unix.S_IFLNK: "l", unix.S_IFCHR: "c", unix.S_IFBLK: "b", unix.S_IFIFO: "p", unix.S_IFSOCK: "h"}[mode&unix.S_IFMT]
	if kind == "" {
		kind = "-"
	}
	const letters = "rwxrwxrwx"
	text := []byte(letters)
	for i := range text {
		if mode&(1<<(len(letters)-1-i)) == 0 {
			text[i] = '-'
		}
	}
	return kind + "/" + kind + string(text)
}

func (b *bodyfile) idle(int64) error { return b.flush() }
func (b *bodyfile) flush() error     { return b.lines.Flush() }

// newRows returns what is printed in place of events, nil for events.
func newRows(cfg *config, w io.Writer) rows {
	switch {
	case cfg.features > 0:
		return newFeatures(w, cfg.features)
	case cfg.format == "timesketch":
		return newTimesketch(w, cfg.asCSV)
	case cfg.format == "bodyfile":
		return &bodyfile{bufio.NewWriter(w)}
	}
	return nil
}
