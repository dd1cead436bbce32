package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/filesnoop/rules"
)

// replay reads events from a file in place of the kernel, judges and prints them.
// It takes no privilege.
func replay(ctx context.Context, cfg *config, env *command.Env) error {
	file, err := os.Open(cfg.replay)
	if err != nil {
		return command.Usagef("--replay: %w", err)
	}
	defer file.Close()
	j, err := newJudge(cfg)
	if err != nil {
		return err
	}
	keep := newKeeper(cfg, env)
	w, err := output.New(env.Stdout, env.Format, env.Name, fields, columns(cfg), below)
	if err != nil {
		return err
	}
	if err := w.Header(); err != nil {
		return err
	}
	var life *life
	if cfg.format == "filelife" || env.Format != "table" {
		life = newLife()
	}
	read, printed := uint64(0), 0
	err = readEvents(file, func(e *event) error {
		if err := ctx.Err(); err != nil {
			return errStop
		}
		read++
		e.age = -1
		if life != nil {
			e.age = life.see(e)
		}
		j.see(e)
		if !keep(e) {
			return nil
		}
		if err := w.Event(e); err != nil {
			return err
		}
		printed++
		if env.Count > 0 && printed >= env.Count {
			return errStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return errors.Join(fmt.Errorf("replay %s: %w", cfg.replay, err), w.Flush())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if cfg.ended != nil {
		if err := cfg.ended(); err != nil {
			return err
		}
	}
	if !env.Quiet {
		fmt.Fprintf(env.Stderr, "%s: %d events read, %d printed, %d alarms\n", env.Name, read, printed, j.alerts)
	}
	return nil
}

var errStop = errors.New("enough")

// lineMax is the longest line that is read: twice what we write.
const lineMax = 64 << 10

// readEvents reads JSON Lines of our own, or the CSV of the founding detector,
// which begins with its header.
func readEvents(r io.Reader, use func(*event) error) error {
	b := bufio.NewReaderSize(r, lineMax)
	first, err := b.Peek(1)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	if first[0] == 'T' {
		return readFounding(b, use)
	}
	s := bufio.NewScanner(b)
	s.Buffer(make([]byte, 0, lineMax), lineMax)
	for n := 1; s.Scan(); n++ {
		line := bytes.TrimSpace(s.Bytes())
		if len(line) == 0 {
			continue
		}
		e, err := parseLine(line)
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if e == nil {
			continue
		}
		if err := use(e); err != nil {
			return err
		}
	}
	return s.Err()
}

// line is what is read of a JSON line.
type line struct {
	Time     *string  `json:"time"`
	Type     string   `json:"type"`
	PID      uint32   `json:"pid"`
	TID      uint32   `json:"tid"`
	PPID     uint32   `json:"ppid"`
	UID      uint32   `json:"uid"`
	GID      uint32   `json:"gid"`
	Comm     string   `json:"comm"`
	CgroupID uint64   `json:"cgroup_id"`
	Ctr      *string  `json:"container_id"`
	Op       string   `json:"op"`
	Ret      int32    `json:"ret"`
	Path     *string  `json:"path"`
	PathB    []byte   `json:"path_b64"`
	Path2    *string  `json:"path2"`
	Path2B   []byte   `json:"path2_b64"`
	Name     *string  `json:"name"`
	NameB    []byte   `json:"name_b64"`
	Name2    *string  `json:"name2"`
	Name2B   []byte   `json:"name2_b64"`
	FD       *int32   `json:"fd"`
	Flags    *uint32  `json:"flags_raw"`
	Mode     *string  `json:"mode"`
	Bytes    *uint64  `json:"bytes"`
	Writes   *uint64  `json:"writes"`
	Entropy  *int     `json:"entropy"`
	Content  string   `json:"content"`
	Exe      *string  `json:"exe"`
	ExeB     []byte   `json:"exe_b64"`
	FileType *string  `json:"file_type"`
	Inode    *uint64  `json:"inode"`
	Size     *uint64  `json:"size"`
	Dev      *string  `json:"dev"`
	Start    *uint64  `json:"start_ns"`
	User     *string  `json:"user"`
	Cut      []string `json:"cut"`
}

// parseLine makes an event of a line; nil for one that is none, such as a loss.
func parseLine(text []byte) (*event, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	if l.Type != "event" {
		return nil, nil
	}
	o := opByName(l.Op)
	if o == opNone {
		return nil, fmt.Errorf("want one of %s for op, not %q", strings.Join(opNames[1:], ", "), l.Op)
	}
	if l.Time == nil {
		return nil, fmt.Errorf("no time")
	}
	at, err := time.Parse(time.RFC3339Nano, *l.Time)
	if err != nil {
		return nil, fmt.Errorf("read time: %w", err)
	}
	e := newEvent(o, at.UnixNano(), l.PID)
	e.TID, e.PPID, e.UID, e.CgroupID, e.Comm = l.TID, l.PPID, l.UID, l.CgroupID, []byte(l.Comm)
	e.bpfFileRecord.Head.Gid = l.GID
	if l.Ctr != nil {
		e.ContainerID = *l.Ctr
	}
	e.Ret = l.Ret
	e.path, e.path2 = either(l.Path, l.PathB), either(l.Path2, l.Path2B)
	e.name, e.name2 = either(l.Name, l.NameB), either(l.Name2, l.Name2B)
	e.exe = either(l.Exe, l.ExeB)
	e.setNumbers(&l)
	if l.User != nil {
		e.user = []byte(*l.User)
	}
	return e, nil
}

// setNumbers takes what numbers the line has.
func (e *event) setNumbers(l *line) {
	if l.FD != nil {
		e.Fd, e.Flags = *l.FD, e.Flags|flagFd
	}
	if l.Flags != nil {
		e.OpenFlags, e.Flags = *l.Flags, e.Flags|flagOpenFlags
	}
	if l.Mode != nil {
		if mode, err := strconv.ParseUint(*l.Mode, 8, 16); err == nil {
			e.Mode, e.Flags = uint32(mode), e.Flags|flagOpenFlags
		}
	}
	if l.Bytes != nil {
		e.Bytes, e.Flags = *l.Bytes, e.Flags|flagSize
	}
	if l.Writes != nil {
		e.Writes = *l.Writes
	}
	if l.Entropy != nil && *l.Entropy >= 0 && *l.Entropy <= entropyMost {
		e.entropy = *l.Entropy
	}
	e.content = rules.Content(max(slices.Index(contentNames, l.Content), 0))
	if l.FileType != nil && l.Inode != nil && l.Size != nil {
		e.FileMode, e.Inode, e.Size, e.Flags = modeOf(*l.FileType), *l.Inode, *l.Size, e.Flags|flagInode
		if l.Dev != nil {
			e.Dev = parseDevice(*l.Dev)
		}
	}
	if l.Start != nil {
		e.StartNs, e.Flags = *l.Start, e.Flags|flagDetails
	}
}

func newEvent(o op, at int64, pid uint32) *event {
	e := &event{age: -1, entropy: -1}
	e.bpfFileRecord.Head.Kind = uint32(o)
	e.Time, e.PID, e.TID = at, pid, pid
	return e
}

// either is the bytes where there are some, else the text; nil for neither.
func either(text *string, b []byte) []byte {
	switch {
	case b != nil:
		return b
	case text != nil:
		return []byte(*text)
	}
	return nil
}

// Columns of the founding detector.
const (
	foundingTime = 0
	foundingPID  = 1
	foundingType = 2
	foundingLen  = 10
)

// foundingOps are its types, as numbers. What it calls encrypt is no op of ours.
var foundingOps = []op{opOpen, opCreate, opDelete}

func readFounding(r io.Reader, use func(*event) error) error {
	c := csv.NewReader(r)
	c.FieldsPerRecord = foundingLen
	c.LazyQuotes, c.ReuseRecord = true, true
	if _, err := c.Read(); err != nil {
		return fmt.Errorf("read header: %w", err)
	}
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read CSV: %w", err)
		}
		e, err := parseFounding(row)
		if err != nil {
			n, _ := c.FieldPos(0)
			return fmt.Errorf("line %d: %w", n, err)
		}
		if e == nil {
			continue
		}
		if err := use(e); err != nil {
			return err
		}
	}
}

func parseFounding(row []string) (*event, error) {
	at, err := strconv.ParseInt(row[foundingTime], 10, 64)
	if err != nil || at < 0 {
		return nil, fmt.Errorf("want nanoseconds for TS, not %q", row[foundingTime])
	}
	pid, err := strconv.ParseUint(row[foundingPID], 10, 32)
	if err != nil {
		return nil, fmt.Errorf("want a number for PID, not %q", row[foundingPID])
	}
	kind, err := strconv.Atoi(row[foundingType])
	if err != nil || kind < 0 || kind > len(foundingOps) {
		return nil, fmt.Errorf("want 0 to 3 for TYPE, not %q", row[foundingType])
	}
	if kind == len(foundingOps) {
		return nil, nil
	}
	e := newEvent(foundingOps[kind], at, uint32(pid))
	if name := row[foundingLen-1]; name != "" {
		e.name, e.path = []byte(name), []byte(name)
	}
	return e, nil
}
