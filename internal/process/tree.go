package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
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
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // ended while we read
		}
		if parent, ok := parentOfStat(stat); ok {
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

// parentOfStat reads the parent's id from /proc/PID/stat. The command's name
// stands in parentheses and may itself contain them, so the last one counts.
func parentOfStat(stat []byte) (uint32, bool) {
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 {
		return 0, false
	}
	fields := strings.Fields(string(stat[i+1:]))
	if len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.ParseUint(fields[1], 10, 32)
	return uint32(parent), err == nil
}
