package preflight

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Drop gives up every capability but those in keep, in all threads and for
// good. CAP_SYS_ADMIN is kept in place of a kept CAP_BPF that the process or
// the kernel does not have.
func Drop(keep Set) error {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return fmt.Errorf("read own capabilities: %w", err)
	}
	permitted := Set(uint64(data[0].Permitted) | uint64(data[1].Permitted)<<32)
	if keep.Has(BPF) && !permitted.Has(BPF) {
		keep = keep.With(SysAdmin)
	}
	kept := permitted & keep
	for i := range data {
		part := uint32(kept >> (32 * i))
		data[i] = unix.CapUserData{Effective: part, Permitted: part}
	}
	// Ambient capabilities go with the permitted ones; the bounding set stays,
	// since shrinking it would need CAP_SETPCAP and changes nothing without exec.
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET,
		uintptr(unsafe.Pointer(&hdr)), uintptr(unsafe.Pointer(&data[0])), 0)
	if errno != 0 {
		return fmt.Errorf("drop capabilities: %w", errno)
	}
	return nil
}
