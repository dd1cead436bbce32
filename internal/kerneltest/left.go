package kerneltest

import (
	"fmt"
	"testing"
	"time"

	"github.com/cilium/ebpf"
)

// NothingLeft checks that no program, map or link outlives a command.
func NothingLeft(t testing.TB, before Objects) {
	t.Helper()
	if err := Left(before); err != nil {
		t.Fatal(err)
	}
}

// Left is the error of [NothingLeft].
func Left(before Objects) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		// The kernel frees what is closed after a grace period.
		programs, maps, links := loaded().Without(before)
		if programs+maps+links == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("still loaded: %d programs, %d maps %q, %d links", programs, maps, mapNames(before), links)
		}
	}
}

// mapNames are the names of the maps that before did not have.
func mapNames(before Objects) (names []string) {
	for id, err := ebpf.MapGetNextID(0); err == nil; id, err = ebpf.MapGetNextID(id) {
		if before.Maps[id] {
			continue
		}
		if m, err := ebpf.NewMapFromID(id); err == nil {
			if info, err := m.Info(); err == nil {
				names = append(names, info.Name)
			}
			m.Close()
		}
	}
	return names
}
