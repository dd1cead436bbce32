package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// floorTool is no peer but what any tool pays: a program at the hook of ours
// that submits a record as large as ours, and does nothing else. It is this
// program that loads it (floorMain).
const floorTool = "floor"

// floorText is for a table that has one.
const floorText = `The floor is one program at the first hook that ours has on this kernel, which submits a record as
large as that of the first row and full of zeros, with the same helper (bpf_ringbuf_output) and to the same reader, and
does nothing else; where the hook is that of all system calls or of all states of a socket, it looks at the number
first. It does so for every event of the hook, also where ours sends some only, as of capabilities those that are
audited. Where ours counts in the kernel, the floor is an empty program.`

// floor is the subject. Of the hooks (parseFloorHook) the first that the kernel
// has is taken, as ours is.
func floor(runs int, hooks ...string) subject {
	return subject{
		tool: floorTool, runs: runs,
		argv: func(_ *bench, t tuning) []string {
			return append([]string{"/proc/self/exe", floorArg, strconv.Itoa(t.record)}, hooks...)
		},
	}
}

func (s subject) isFloor() bool { return s.tool == floorTool }

// withFloor is a table with one more row.
func withFloor(subjects []subject, floor subject) []subject {
	return append(slices.Clone(subjects), floor)
}

// callEnds is the hook at the end of a system call.
func callEnds(number int) string { return fmt.Sprintf("raw_tp/sys_exit/%d", number) }

// recordSize returns a function that tells how large the records are that a tool
// has sent since: what they take of its rings, over the lines that it has printed.
func (st *started) recordSize(objects bpfObjects) (since func() (int, error), err error) {
	look := func() (taken uint64, lines int, err error) {
		if err := st.out.read(); err != nil {
			return 0, 0, err
		}
		taken, err = objects.sent()
		return taken, st.out.lines, err
	}
	taken, lines, err := look()
	return func() (int, error) {
		taken2, lines2, err := look()
		return sizeOf(taken2-taken, lines2-lines), err
	}, err
}

// sizeOf is that of a record, of what some take in a ring: the kernel puts a head
// of eight bytes before each, and aligns it to eight.
func sizeOf(taken uint64, records int) int {
	const head = 8
	each := int(math.Round(float64(taken) / float64(max(records, 1)) / head))
	return max(each-1, 0) * head
}

// sent is how many bytes all programs have ever put into rings.
func (o bpfObjects) sent() (bytes uint64, err error) {
	for id := range o.maps {
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			return 0, fmt.Errorf("open map %d: %w", id, err)
		}
		n := uint64(0)
		if m.Type() == ebpf.RingBuf {
			n, err = producerPosition(m)
		}
		m.Close()
		if err != nil {
			return 0, fmt.Errorf("map %d: %w", id, err)
		}
		bytes += n
	}
	return bytes, nil
}

// producerPosition reads it from the second page of a ring, which the kernel
// writes and anybody may map to read (kernel/bpf/ringbuf.c). It only grows.
func producerPosition(m *ebpf.Map) (uint64, error) {
	page := os.Getpagesize()
	mapped, err := unix.Mmap(m.FD(), int64(page), page, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return 0, fmt.Errorf("map the ring: %w", err)
	}
	defer unix.Munmap(mapped)
	return binary.NativeEndian.Uint64(mapped), nil
}
