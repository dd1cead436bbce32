package main

import (
	"fmt"
	"strconv"
	"strings"
)

// portRange is the ports from low to high.
type portRange struct{ low, high uint16 }

// maxPort is the highest port.
const maxPort = 1<<16 - 1

func (r portRange) has(port uint16) bool { return r.low <= port && port <= r.high }

// parsePorts reads a port or a range: 80, 8000-8100.
func parsePorts(s string) (portRange, error) {
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		to = from
	}
	low, err := strconv.ParseUint(from, 10, 16)
	high, err2 := strconv.ParseUint(to, 10, 16)
	if err != nil || err2 != nil || low == 0 || low > high || from[0] == '+' || to[0] == '+' {
		return portRange{}, fmt.Errorf("want ports from 1 to %d, such as 80 or 8000-8100", maxPort)
	}
	return portRange{uint16(low), uint16(high)}, nil
}

// portSet has a bit for every port of the ranges.
func portSet(ranges []portRange) (set [(maxPort + 1) / 64]uint64) {
	for _, r := range ranges {
		for port := int(r.low); port <= int(r.high); port++ {
			set[port/64] |= 1 << (port % 64)
		}
	}
	return set
}
