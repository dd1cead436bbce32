package process

import (
	"fmt"
	"os"
	"strconv"
)

// Exists reports whether there is a process of that id.
func Exists(pid uint32) bool {
	_, err := os.Stat("/proc/" + strconv.FormatUint(uint64(pid), 10))
	return err == nil
}

// Descendants returns the ids of all processes below those in pids, which
// are not included.
func Descendants(pids []uint32) ([]uint32, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	children := make(map[uint32][]uint32)
	for _, e := range entries {
		pid, err := strconv.ParseUint(e.Name(), 10, 32)
		if err != nil {
			continue
		}
		stat, err := ReadStat(uint32(pid))
		if err != nil {
			continue // ended while we read
		}
		if parent, err := stat.Parent(); err == nil {
			children[parent] = append(children[parent], uint32(pid))
		}
	}
	var below []uint32
	seen := make(map[uint32]bool)
	for queue := append([]uint32(nil), pids...); len(queue) > 0; queue = queue[1:] {
		for _, child := range children[queue[0]] {
			if !seen[child] {
				seen[child] = true
				below = append(below, child)
				queue = append(queue, child)
			}
		}
	}
	return below, nil
}
