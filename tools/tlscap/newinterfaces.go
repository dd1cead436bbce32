package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tc"
)

// netInterfaces are those that packets are captured on, by their number in the file. The watcher adds to them while
// packets are read.
type netInterfaces struct {
	mu  sync.RWMutex
	all []netInterface
}

// get returns one by its number.
func (n *netInterfaces) get(number int) (netInterface, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if number < 0 || number >= len(n.all) {
		return netInterface{}, false
	}
	return n.all[number], true
}

// from returns those from a number on.
func (n *netInterfaces) from(number int) []netInterface {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return slices.Clone(n.all[number:])
}

func (n *netInterfaces) add(i netInterface) (number int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, i)
	return len(n.all) - 1
}

// ended notes what was lost on one that is not there any more.
func (n *netInterfaces) ended(number int, lost uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all[number].gone, n.all[number].lost = true, lost
}

// watcher puts the programs on interfaces that come up later. The kernel tells that something has changed, and we look
// what: so nothing is missed when it tells more than fits into a socket.
type watcher struct {
	news       *os.File // a netlink socket
	loaded     *loader.Loaded
	how        tc.Attacher
	interfaces *netInterfaces
	tell       func(format string, args ...any) // what did not go well
	say        func(format string, args ...any) // what did

	known map[int]int // numbers by index, of those that are there
	tried map[int]bool
	full  bool
	done  chan struct{}

	buffer [1 << 16]byte
}

// watch begins. It takes over how, which nobody else may use until the watcher was closed.
func watch(l *loader.Loaded, how tc.Attacher, interfaces *netInterfaces, tell, say func(string, ...any)) (*watcher, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("watch for interfaces: %w", err)
	}
	w := &watcher{
		news: os.NewFile(uintptr(fd), "netlink"), loaded: l, how: how, interfaces: interfaces, tell: tell, say: say,
		known: make(map[int]int), tried: make(map[int]bool), done: make(chan struct{}),
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK}); err != nil {
		w.news.Close()
		return nil, fmt.Errorf("watch for interfaces: %w", err)
	}
	for number, n := range interfaces.from(0) {
		w.known[n.index] = number
	}
	go w.follow()
	return w, nil
}

// Close ends it.
func (w *watcher) Close() error {
	err := w.news.Close()
	<-w.done
	return err
}

func (w *watcher) follow() {
	defer close(w.done)
	for {
		// What has come between the first look and the socket is found at once.
		if err := w.look(); err != nil {
			w.tell("%v", err)
		}
		if !w.wait(time.Time{}) {
			return
		}
		// An interface that comes is told several times.
		for until := time.Now().Add(settle); w.wait(until); {
		}
	}
}

// settle is how long more news is waited for before we look. Until then, packets of a new interface are not captured.
const settle = 5 * time.Millisecond

// wait waits for news. There are none at the deadline, or when the socket was closed.
func (w *watcher) wait(deadline time.Time) bool {
	if err := w.news.SetReadDeadline(deadline); err != nil {
		return false
	}
	_, err := w.news.Read(w.buffer[:])
	return err == nil || errors.Is(err, unix.ENOBUFS) // news that were too many are news as well
}

// look attaches to what is new and up, and lets go of what is gone.
func (w *watcher) look() error {
	there, err := everyInterface()
	if err != nil {
		return fmt.Errorf("look for new interfaces: %w", err)
	}
	left := make(map[int]bool)
	for _, n := range there {
		left[n.index] = true
	}
	for index, number := range w.known {
		if !left[index] {
			w.forget(index, number)
		}
	}
	for index := range w.tried {
		if !left[index] {
			delete(w.tried, index)
		}
	}
	for _, n := range there {
		if _, known := w.known[n.index]; known || !n.up || w.tried[n.index] {
			continue
		}
		if len(w.known) >= maxInterfaces {
			if !w.full {
				w.tell("%d interfaces are captured on; those that come now are not", len(w.known))
			}
			w.full = true
			return nil
		}
		w.begin(n)
	}
	return nil
}

// begin captures on a new interface. It has a number before its first packet comes.
func (w *watcher) begin(n netInterface) {
	number := w.interfaces.add(n)
	name := output.AppendEscaped(nil, []byte(n.name))
	err := capturePackets(w.loaded, n, number, w.how)
	switch {
	case err == nil:
		w.known[n.index] = number
		w.say("%s is captured on as well", name)
	case errors.Is(err, unix.ENODEV): // it has gone again
		w.forget(n.index, number)
	default:
		w.tried[n.index] = true
		w.forget(n.index, number)
		w.tell("capture on %s, which is new: %v", name, err)
	}
}

// forget keeps what was lost on an interface that is gone: its index can be given to another.
func (w *watcher) forget(index, number int) {
	var state bpfPacketInterface
	table := w.loaded.Maps["packet_interfaces"]
	if err := table.Lookup(uint32(index), &state); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		w.tell("read what was lost on an interface that is gone: %v", err)
	}
	w.interfaces.ended(number, state.Lost)
	if err := table.Delete(uint32(index)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		w.tell("forget an interface that is gone: %v", err)
	}
	delete(w.known, index)
}
