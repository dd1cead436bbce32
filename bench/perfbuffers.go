package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// perfBuffers gives the size of each perf buffer that a process has mapped:
// the kernel's memory too, but of no BPF map. The first page of each mapping
// is its head and holds no records.
func perfBuffers(pid int) ([]int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, fmt.Errorf("read mappings: %w", err)
	}
	return parsePerfBuffers(string(data), os.Getpagesize()), nil
}

// parsePerfBuffers reads lines as "7f0-7f1 rw-s 0 00:0e 1038 anon_inode:[perf_event]".
func parsePerfBuffers(maps string, page int) []int {
	var sizes []int
	for line := range strings.Lines(maps) {
		span, _, _ := strings.Cut(line, " ")
		from, to, ok := strings.Cut(span, "-")
		if !ok || !strings.Contains(line, "[perf_event]") {
			continue
		}
		a, err1 := strconv.ParseUint(from, 16, 64)
		b, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil && int(b-a) > page {
			sizes = append(sizes, int(b-a)-page)
		}
	}
	return sizes
}
