package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ringside-tools/ringside/internal/process"
	"github.com/ringside-tools/ringside/internal/trace"
)

// owners tells who has the sockets that are there already, from /proc.
type owners struct {
	proc    string
	sockets map[uint64]uint32   // inode of a socket -> the lowest process id
	spaces  map[uint32][]uint32 // network namespace -> processes in it
}

// findOwners looks through the descriptors of all processes. A socket that
// several have is shown with the first of them, who as a rule has made it.
func findOwners(proc string) (*owners, error) {
	dirs, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	o := &owners{proc: proc, sockets: make(map[uint64]uint32), spaces: make(map[uint32][]uint32)}
	var pids []uint32
	for _, d := range dirs {
		if pid, err := strconv.ParseUint(d.Name(), 10, 32); err == nil {
			pids = append(pids, uint32(pid))
		}
	}
	slices.Sort(pids)
	for _, pid := range pids {
		o.look(pid)
	}
	return o, nil
}

// look takes up a process; one that has ended by now has nothing.
func (o *owners) look(pid uint32) {
	if info, err := os.Stat(o.path(pid, "ns/net")); err == nil {
		ns := uint32(inode(info))
		o.spaces[ns] = append(o.spaces[ns], pid)
	}
	dir := o.path(pid, "fd")
	fds, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, fd := range fds {
		link, err := os.Readlink(filepath.Join(dir, fd.Name()))
		if err != nil {
			continue
		}
		number, ok := socketInode(link)
		if _, known := o.sockets[number]; ok && !known {
			o.sockets[number] = pid
		}
	}
}

func (o *owners) path(pid uint32, name string) string {
	return filepath.Join(o.proc, strconv.FormatUint(uint64(pid), 10), name)
}

// socketInode reads the target of a descriptor: socket:[12345].
func socketInode(link string) (uint64, bool) {
	digits, ok := strings.CutPrefix(link, "socket:[")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(digits, "]"), 10, 64)
	return n, err == nil
}

// openNet opens a file of /proc/net as it is in a network namespace.
func (o *owners) openNet(netns uint32, name string) (*os.File, error) {
	err := fs.ErrNotExist
	for _, pid := range o.spaces[netns] { // the first may have ended
		var f *os.File
		if f, err = os.Open(o.path(pid, "net/"+name)); err == nil {
			return f, nil
		}
	}
	return nil, err
}

// describe fills in the process of a socket. It may have ended since, and what
// cannot be read stays unknown.
func (o *owners) describe(e *event, h *trace.Host, cgroups string) {
	pid, ok := o.sockets[e.inode]
	if !ok {
		return // the kernel itself
	}
	status, err := os.ReadFile(o.path(pid, "status"))
	if err != nil {
		return
	}
	comm, err := os.ReadFile(o.path(pid, "comm"))
	if err != nil {
		return
	}
	e.owned = true
	e.PID, e.TID = pid, pid
	e.Comm = bytes.TrimSuffix(comm, []byte("\n"))
	e.PPID = statusNumber(status, "PPid:")
	e.UID = statusNumber(status, "Uid:")
	e.exe = o.executable(pid)
	o.placeInCgroup(e, h, cgroups)
}

// statusNumber returns the first number behind a name in /proc/PID/status.
func statusNumber(status []byte, name string) uint32 {
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			if f := bytes.Fields(rest); len(f) > 0 {
				n, _ := strconv.ParseUint(string(f[0]), 10, 32)
				return uint32(n)
			}
		}
	}
	return 0
}

// executable is the path as events have it, without what the kernel adds to that
// of a file which was removed.
func (o *owners) executable(pid uint32) []byte {
	link := o.path(pid, "exe")
	path, err := os.Readlink(link)
	if err != nil {
		return nil
	}
	if info, err := os.Stat(link); err == nil && links(info) == 0 {
		path = strings.TrimSuffix(path, " (deleted)")
		if rest, ok := strings.CutPrefix(path, "/memfd:"); ok {
			path = "memfd:" + rest // it has a name and no place
		}
	}
	return []byte(path)
}

// placeInCgroup fills in the cgroup and the container.
func (o *owners) placeInCgroup(e *event, h *trace.Host, root string) {
	text, err := os.ReadFile(o.path(e.PID, "cgroup"))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, dir, _ := strings.Cut(rest, ":")
		if controllers != "" && controllers != "pids" {
			continue
		}
		for at := dir; at != "/" && at != "." && e.ContainerID == ""; at = filepath.Dir(at) {
			e.ContainerID = process.ContainerID(filepath.Base(at))
		}
		if controllers == "" && root != "" && !strings.HasPrefix(dir, "/..") {
			if info, err := os.Stat(filepath.Join(root, dir)); err == nil {
				e.CgroupID = inode(info)
			}
		}
	}
}
