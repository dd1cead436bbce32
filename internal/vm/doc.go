// Package vm boots stock Debian kernels in QEMU and runs programs in them, so
// that BPF is tested on the kernels that people have and not only on the one
// of the machine at hand.
//
// A [Kernel] of the [Matrix] is fetched with apt into a [Cache] (nothing of the
// machine's own apt or dpkg state is touched) and becomes an [Image]. A [Guest]
// adds files and a plan of jobs; [Guest.Boot] packs them into an initramfs,
// boots it and returns what the guest's PID 1 (package init below this one)
// reported. There is no network and no daemon: everything travels in the
// initramfs and comes back over serial ports. Only a guest that needs more of
// Debian than busybox has a [Disk] below its root, which it cannot write to.
//
// The command in vmrun is what people and the Makefile use.
package vm
