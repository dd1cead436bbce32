package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/filter"
	"github.com/ringside-tools/ringside/internal/process"
	"github.com/ringside-tools/ringside/internal/trace"
)

// The files that list sockets, and what a listener is in them.
var netFiles = []struct {
	name     string
	protocol uint16
	kind     uint32
	state    uint8
}{
	{"tcp", unix.IPPROTO_TCP, kindListen, stateListen},
	{"tcp6", unix.IPPROTO_TCP, kindListen, stateListen},
	{"udp", unix.IPPROTO_UDP, kindBind, stateUnconnected},
	{"udp6", unix.IPPROTO_UDP, kindBind, stateUnconnected},
}

// existing returns the listeners that are there now, in all network namespaces
// that a process is in, as far as the filters let them pass.
func existing(h *trace.Host, proc string, cfg *config, f *filter.Flags) ([]*event, error) {
	o, err := findOwners(proc)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	uid, err := filterUser(h, f)
	if err != nil {
		return nil, err
	}
	cgroups, _ := process.CgroupRoot() // without one there are no ids
	now := time.Now().UnixNano()
	var out []*event
	for _, netns := range sortedKeys(o.spaces) {
		for _, file := range netFiles {
			err := o.listeners(netns, file.name, file.state, func(s socket) {
				e := &event{existing: true, started: h.Started, inode: s.inode}
				e.Time, e.UID = now, s.uid
				e.bpfBindRecord.Head.Kind = file.kind
				e.Protocol, e.Netns, e.Port, e.Flags = file.protocol, netns, s.addr.Port(), flagAddr|flagPort
				e.addr = s.addr.Addr()
				e.addrText = e.addr.AppendTo(nil)
				o.describe(e, h, cgroups)
				e.enrich(h, nil)
				if passes(e, cfg, f, uid) {
					out = append(out, e)
				}
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// listeners reads a file of a network namespace. A kernel without IPv6 lacks some.
func (o *owners) listeners(netns uint32, name string, state uint8, add func(socket)) error {
	f, err := o.openNet(netns, name)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list sockets: %w", err)
	}
	defer f.Close()
	if err := readSockets(f, state, add); err != nil {
		return fmt.Errorf("list sockets: read %s: %w", f.Name(), err)
	}
	return nil
}

// noUser is no filter by user.
const noUser = -1

func filterUser(h *trace.Host, f *filter.Flags) (int64, error) {
	if f.User == "" {
		return noUser, nil
	}
	uid, err := h.Users.ID(f.User)
	return int64(uid), err
}

// passes are the filters that programs apply to calls, for what was there before.
func passes(e *event, cfg *config, f *filter.Flags, uid int64) bool {
	switch {
	case len(cfg.ports) > 0 && !slices.ContainsFunc(cfg.ports, func(r portRange) bool { return r.has(e.Port) }),
		len(f.PIDs) > 0 && !(e.owned && slices.Contains(f.PIDs, e.PID)),
		uid != noUser && uid != int64(e.UID),
		f.Comm != "" && !(e.owned && f.Comm == string(e.Comm)),
		f.Container != "" && !strings.HasPrefix(e.ContainerID, f.Container):
		return false
	}
	return true
}

func sortedKeys(m map[uint32][]uint32) []uint32 {
	var keys []uint32
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
