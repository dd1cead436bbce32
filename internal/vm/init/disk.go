//go:build linux

package main

import (
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// enterDisk makes a new root of three layers, and moves into it with all that
// is mounted: memory, where everything is written; the disk; and the initramfs.
// The disk is above the initramfs because its /bin and /lib are links, which
// folders above them would hide.
func enterDisk(device string) error {
	const disk, memory, root = "/.disk", "/.memory", "/.root"
	for _, dir := range []string{disk, memory, root} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("make mount point: %w", err)
		}
	}
	if err := unix.Mount(device, disk, "ext4", unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mount %s: %w", device, err)
	}
	if err := unix.Mount("tmpfs", memory, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount memory above the disk: %w", err)
	}
	for _, dir := range []string{memory + "/upper", memory + "/work"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("make a layer: %w", err)
		}
	}
	layers := "lowerdir=" + disk + ":/,upperdir=" + memory + "/upper,workdir=" + memory + "/work"
	if err := unix.Mount("overlay", root, "overlay", 0, layers); err != nil {
		return fmt.Errorf("mount the layers: %w", err)
	}
	for _, m := range mounts {
		if path.Dir(m.dir) != "/" {
			continue // moves with the one that it is mounted in
		}
		if err := os.MkdirAll(root+m.dir, 0o755); err != nil {
			return fmt.Errorf("make mount point: %w", err)
		}
		if err := unix.Mount(m.dir, root+m.dir, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s: %w", m.dir, err)
		}
	}
	if err := os.Chdir(root); err != nil {
		return fmt.Errorf("enter the disk: %w", err)
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("enter the disk: move it to the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("enter the disk: %w", err)
	}
	return os.Chdir("/")
}
