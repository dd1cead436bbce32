//go:build kernel

package main

import (
	"slices"
	"strconv"
	"strings"
)

func sorted(m map[string]any) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func replacePID(s string, pid int) string { return strings.ReplaceAll(s, "{PID}", strconv.Itoa(pid)) }
