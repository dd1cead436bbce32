package vm

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// machine is what differs between the emulated architectures.
type machine struct {
	qemu, pkg string
	args      []string // board and CPU
	console   string   // kernel's name for the first serial port
	// output and status are the guest's devices behind the channels of the
	// same names.
	output, status string
	// serial connects the console, output and status channels, in this order.
	serial func(console, output, status string) []string
}

var machines = map[string]machine{
	"amd64": {
		qemu: "qemu-system-x86_64", pkg: "qemu-system-x86",
		// cx16 is left out because QEMU 7.2 emulates cmpxchg16b wrongly and
		// SLUB of 6.12 uses it: random panics in one boot of five.
		args:    []string{"-machine", "q35", "-cpu", "max,-cx16"},
		console: "ttyS0", output: "/dev/ttyS1", status: "/dev/ttyS2",
		// Three 8250 ports: Debian builds their driver in, so that no module
		// is needed to talk to the host.
		serial: func(console, output, status string) []string {
			return []string{"-serial", "chardev:" + console, "-serial", "chardev:" + output, "-serial", "chardev:" + status}
		},
	},
	"arm64": {
		qemu: "qemu-system-aarch64", pkg: "qemu-system-arm",
		// Pointer authentication is most of the time of an emulated arm64.
		args:    []string{"-machine", "virt", "-cpu", "max,pauth=off"},
		console: "ttyAMA0", output: "/dev/ttyS0", status: "/dev/ttyS1",
		// The board has one PL011; a PCI card brings two 8250 ports.
		serial: func(console, output, status string) []string {
			return []string{"-serial", "chardev:" + console, "-device", "pci-serial-2x,chardev1=" + output + ",chardev2=" + status}
		},
	},
}

// accel is software emulation unless asked otherwise: a /dev/kvm that opens
// does not prove that guests run, so that it is never tried by itself. All
// CPUs of a guest share one thread: with a thread each, more than there are
// cores, they wait for one another's interrupts, and now and then for ever.
func accel() []string {
	if os.Getenv("RINGSIDE_KVM") == "1" {
		return []string{"-accel", "kvm"}
	}
	return []string{"-accel", "tcg,thread=single"}
}

// countedArgs make the guest's clocks count instructions, one a nanosecond, on one
// CPU: what is timed comes out the same on a busy machine and an idle one. Caches are
// not in it.
func countedArgs(counted bool) []string {
	if !counted {
		return []string{"-smp", "2"}
	}
	return []string{"-smp", "1", "-icount", "shift=0,sleep=off"}
}

// channels are the host files at the far end of the guest's ports.
type channels struct{ console, output, status string }

// qemuArgs is the command line of one boot; memory in MiB.
func (g *Guest) qemuArgs(m machine, initrd string, memory int, ch channels) []string {
	args := append(accel(), m.args...)
	args = append(args, countedArgs(g.Counted)...)
	args = append(args,
		"-m", fmt.Sprintf("%dM", memory),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-kernel", g.Image.Vmlinuz(), "-initrd", initrd,
		"-append", strings.TrimSpace(strings.Join([]string{
			"console=" + m.console,
			"panic=-1", // with -no-reboot a panic ends QEMU at once
			"loglevel=4",
			g.Image.Kernel.Cmdline,
			g.Cmdline,
		}, " ")),
	)
	for _, c := range []struct{ id, path string }{{"console", ch.console}, {"output", ch.output}, {"status", ch.status}} {
		args = append(args, "-chardev", "file,id="+c.id+",path="+strings.ReplaceAll(c.path, ",", ",,"))
	}
	return append(args, m.serial("console", "output", "status")...)
}

// diskArgs adds a disk, which the guest knows as /dev/vda.
func diskArgs(d *Disk) []string {
	if d == nil {
		return nil
	}
	return []string{
		"-drive", "if=none,id=disk,format=raw,readonly=on,file=" + strings.ReplaceAll(d.Path, ",", ",,"),
		"-device", "virtio-blk-pci,drive=disk",
	}
}

// findQEMU returns the emulator's path or says how to get it.
func (m machine) findQEMU() (string, error) {
	path, err := exec.LookPath(m.qemu)
	if err != nil {
		return "", fmt.Errorf("%s not found: apt-get install %s", m.qemu, m.pkg)
	}
	return path, nil
}
