package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/cilium/ebpf"
)

// bpfObjects are the ids of all maps and programs that a process keeps in the
// kernel.
type bpfObjects struct {
	maps  map[ebpf.MapID]bool
	progs map[ebpf.ProgramID]bool
}

// objectsOf finds them in /proc/PID/fdinfo, and then the maps that the
// programs use: those stay in the kernel even if the tool has closed them.
func objectsOf(pid int) (bpfObjects, error) {
	o := bpfObjects{make(map[ebpf.MapID]bool), make(map[ebpf.ProgramID]bool)}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		return o, err
	}
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil {
			o.add(parseFields(string(data)))
		}
	}
	for id := range o.progs {
		if err := o.addMapsOf(id); err != nil {
			return o, err
		}
	}
	if len(o.progs) == 0 {
		return o, errors.New("no BPF program in /proc/PID/fdinfo")
	}
	return o, nil
}

// startLoaded is startReady with what the tool has in the kernel then.
func (b *bench) startLoaded(s subject, how tuning, l load) (*started, bpfObjects, error) {
	t, err := b.startReady(s, how, l)
	if err != nil {
		return nil, bpfObjects{}, err
	}
	objects, err := objectsOf(t.Process.Pid)
	if err != nil {
		t.end()
		return nil, bpfObjects{}, err
	}
	return t, objects, nil
}

// add takes the id from a file of fdinfo: that of a map or a program, or of a
// link, which names its program.
func (o bpfObjects) add(fields map[string]string) {
	if id, err := strconv.ParseUint(fields["map_id"], 10, 32); err == nil {
		o.maps[ebpf.MapID(id)] = true
	}
	if id, err := strconv.ParseUint(fields["prog_id"], 10, 32); err == nil {
		o.progs[ebpf.ProgramID(id)] = true
	}
}

func (o bpfObjects) addMapsOf(id ebpf.ProgramID) error {
	info, err := progInfo(id)
	if err != nil {
		return err
	}
	ids, _ := info.MapIDs()
	for _, m := range ids {
		o.maps[m] = true
	}
	return nil
}

func progInfo(id ebpf.ProgramID) (*ebpf.ProgramInfo, error) {
	prog, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return nil, fmt.Errorf("open program %d: %w", id, err)
	}
	defer prog.Close()
	info, err := prog.Info()
	if err != nil {
		return nil, fmt.Errorf("ask about program %d: %w", id, err)
	}
	return info, nil
}

// memory is the kernel's own account (memlock in fdinfo) of each, in bytes.
func (o bpfObjects) memory() (maps, progs uint64, err error) {
	for id := range o.progs {
		info, err := progInfo(id)
		if err != nil {
			return 0, 0, err
		}
		n, _ := info.Memlock()
		progs += n
	}
	for id := range o.maps {
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			return 0, 0, fmt.Errorf("open map %d: %w", id, err)
		}
		info, err := m.Info()
		m.Close()
		if err != nil {
			return 0, 0, fmt.Errorf("ask about map %d: %w", id, err)
		}
		n, _ := info.Memlock()
		maps += n
	}
	return maps, progs, nil
}

// verified is how many instructions the verifier went through, of all programs and of the longest.
func (o bpfObjects) verified() (sum, longest uint32, err error) {
	for id := range o.progs {
		info, err := progInfo(id)
		if err != nil {
			return 0, 0, err
		}
		n, ok := info.VerifiedInstructions()
		if !ok {
			return 0, 0, errors.New("count verified instructions: this kernel does not tell (5.16 does)")
		}
		sum, longest = sum+n, max(longest, n)
	}
	return sum, longest, nil
}

// ring is the size of the ring buffer.
func (o bpfObjects) ring() (int, error) {
	for id := range o.maps {
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			return 0, fmt.Errorf("open map %d: %w", id, err)
		}
		kind, size := m.Type(), m.MaxEntries()
		m.Close()
		if kind == ebpf.RingBuf {
			return int(size), nil
		}
	}
	return 0, errors.New("neither a perf buffer nor a ring")
}

// runs sums how often the programs ran, and how long, since bpf_stats are on.
func (o bpfObjects) runs() (count uint64, nanoseconds float64, err error) {
	for id := range o.progs {
		prog, err := ebpf.NewProgramFromID(id)
		if err != nil {
			return 0, 0, fmt.Errorf("open program %d: %w", id, err)
		}
		s, err := prog.Stats()
		prog.Close()
		if err != nil {
			return 0, 0, fmt.Errorf("ask about program %d: %w", id, err)
		}
		count += s.RunCount
		nanoseconds += float64(s.Runtime)
	}
	return count, nanoseconds, nil
}
