package engine

import (
	"os"

	"github.com/ringside-tools/ringside/internal/slimbtf"
)

// subvolumeOffsets are where btrfs keeps the root of a subvolume, from an inode, and in a
// root the number, both in bytes; 0 where the module is not loaded, or tells nothing of its
// types (before 5.11).
func subvolumeOffsets() (root int32, number uint32) {
	types, err := moduleTypes("btrfs")
	if err != nil {
		return 0, 0
	}
	inode, okInode := memberOffset(types, "btrfs_inode", "vfs_inode")
	pointer, okPointer := memberOffset(types, "btrfs_inode", "root")
	key, okKey := memberOffset(types, "btrfs_root", "root_key")
	id, okID := memberOffset(types, "btrfs_key", "objectid")
	if !okInode || !okPointer || !okKey || !okID {
		return 0, 0
	}
	return int32(pointer) - int32(inode), key + id
}

// moduleTypes are those of the kernel and of a module that is loaded.
func moduleTypes(module string) (*slimbtf.File, error) {
	own, err := os.Open("/sys/kernel/btf/" + module)
	if err != nil {
		return nil, err
	}
	defer own.Close()
	all, err := os.Open("/sys/kernel/btf/vmlinux")
	if err != nil {
		return nil, err
	}
	defer all.Close()
	kernel, err := slimbtf.Load(all)
	if err != nil {
		return nil, err
	}
	return slimbtf.LoadModule(own, kernel)
}

// memberOffset is where a member of a struct is, in bytes.
func memberOffset(types *slimbtf.File, name, member string) (uint32, bool) {
	for _, id := range types.Named(name) {
		t := types.Type(id)
		if t.Kind != slimbtf.Struct {
			continue
		}
		for _, m := range t.Members() {
			if m.Name == member {
				return uint32(m.Offset / 8), true
			}
		}
	}
	return 0, false
}
