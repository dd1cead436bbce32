//go:build kernel

package engine

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// instead has something else happen.
func (a trial) instead(happens string) trial {
	a.happens = happens
	return a
}

// TestMountTarget: by the place.
//
//vmrun:kernels 5.10 6.12
func TestMountTarget(t *testing.T) {
	dir := places(t, "denied", "other", "m")
	denied, other, m := dir+"/denied", dir+"/other", dir+"/m"
	qt.Assert(t, qt.IsNil(os.Mkdir(denied+"/below", 0o755)))
	qt.Assert(t, qt.IsNil(os.Symlink(denied, dir+"/symlink")))
	qt.Assert(t, qt.IsNil(unix.Mount("test", m, "tmpfs", 0, "")))
	t.Cleanup(func() { unix.Unmount(m, unix.MNT_DETACH) })
	f := start(t)
	t.Run("denied", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: place, subject: all, mount: {ops: [new, bind, move, umount], targets: "`+denied+`/**"}, action: deny}
`,
			mountDenied("mount tmpfs "+denied, "", "place", "new tmpfs "+denied, SbMount),
			mountDenied("mount tmpfs "+denied+"/below", "", "place", "new tmpfs "+denied+"/below", SbMount),
			mountDenied("mount tmpfs "+dir+"/symlink", "", "place", "new tmpfs "+denied, SbMount),
			mountDenied("mount tmpfs "+dir+"/symlink/below", "", "place", "new tmpfs "+denied+"/below", SbMount),
			mountDenied("mount tmpfs /proc/self/root"+denied, "", "place", "new tmpfs "+denied, SbMount),
			mountDenied("mount-bind "+other+" "+denied, "", "place", "bind  "+denied, SbMount),
			mountDenied("mount-move "+m+" "+denied, "", "place", "move  "+denied, SbMount),
			// It is denied where it is attached, and not before.
			mountDenied("fsopen tmpfs "+denied, "move_mount", "place", "move tmpfs "+denied, MoveMount),
			mountDenied("open-tree-move "+m+" "+denied, "move_mount", "place", "move tmpfs "+denied, MoveMount),
			trial{do: alone("mount-bind " + dir + " " + other + " -- mount tmpfs " + other + "/denied"), denied: "mount-bind: ok\nmount: EPERM", happens: "mount-bind: ok\nmount: ok",
				alerts: []string{"sb_mount place new tmpfs *"}},
			trial{do: "userns-mount " + denied, denied: "userns-mount: EPERM", happens: "userns-mount: ok", alerts: []string{"sb_mount place new tmpfs " + denied}},
			trial{do: alone("mount tmpfs " + other + " -- fsopen tmpfs " + other + " -- umount " + other), happens: "mount: ok\nfsopen: ok\numount: ok"},
			trial{do: alone("fsopen-use tmpfs"), happens: "fsopen-use: ok 9"},
		)
	})
	t.Run("remounted", func(t *testing.T) {
		// What is remounted by fspick is a file system, wherever it is: any place that is denied.
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: place, subject: all, mount: {ops: [remount, umount], targets: `+m+`}, action: deny}
`,
			mountDenied("remount "+m+" ro", "", "place", "remount tmpfs "+m, SbMount),
			mountDenied("remount-bind-ro "+m, "", "place", "remount tmpfs "+m, SbMount),
			mountDenied("fspick "+m+" ro", "reconfigure", "place", "remount tmpfs", SbRemount),
			mountDenied("umount "+m+" detach", "", "place", "umount tmpfs "+m, SbUmount),
			trial{do: alone("mount tmpfs " + other + " -- remount " + other + " ro -- umount " + other), happens: "mount: ok\nremount: ok\numount: ok"},
		)
	})
	t.Run("allowed", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
defaults: {all: {mount: deny}}
rules:
  - {id: own, subject: all, mount: {ops: propagation}, action: allow}
  - {id: place, subject: all, mount: {fstype: tmpfs, targets: "`+other+`"}, view: task, action: allow}
`,
			trial{do: alone("mount tmpfs " + other + " -- umount " + other), happens: "mount: ok\numount: ok"},
			// So that mount(8) works, a file system may be made that could be attached there.
			trial{do: alone("fsopen tmpfs " + other), happens: "fsopen: ok"},
			mountDenied("mount tmpfs "+denied, "", "default", "new tmpfs "+denied, SbMount),
			mountDenied("fsopen tmpfs "+denied, "move_mount", "default", "move tmpfs "+denied, MoveMount),
			mountDenied("mount proc "+other, "", "default", "new proc "+other, SbMount),
			trial{do: alone("fsopen-use proc"), denied: "fsopen-use: EPERM fsconfig", happens: "fsopen-use: *", alerts: []string{"sb_kern_mount default new proc"}},
			mountDenied("fspick "+m+" ro", "reconfigure", "default", "remount tmpfs", SbRemount),
		)
	})
}

// TestMountUnseen documents what no hook of any kernel sees: mount_setattr clears flags,
// open_tree copies a mount, and setns goes to another namespace.
func TestMountUnseen(t *testing.T) {
	dir := places(t, "a", "m")
	m := dir + "/m"
	qt.Assert(t, qt.IsNil(unix.Mount("test", m, "tmpfs", 0, "")))
	t.Cleanup(func() { unix.Unmount(m, unix.MNT_DETACH) })
	qt.Assert(t, qt.IsNil(os.WriteFile(m+"/f", []byte("text"), 0o644)))
	qt.Assert(t, qt.IsNil(unix.Mount("", m, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")))
	other := exec.Command("sleep", "600")
	qt.Assert(t, qt.IsNil(other.Start()))
	t.Cleanup(func() { other.Process.Kill(); other.Wait() })
	f := start(t)
	f.trials(`
rules:
  - {id: none, subject: all, mount: {ops: [new, bind, move, remount, umount, pivot]}, action: deny}
`,
		trial{do: alone("mkdir " + m + "/x -- mount-setattr " + m + " -ro -- mkdir " + m + "/x -- rmdir " + m + "/x"), happens: "mkdir: EROFS\nmount-setattr: ok\nmkdir: ok\nrmdir: ok",
			before: []string{"5.10"}, says: "mkdir: EROFS\nmount-setattr: ENOSYS\nmkdir: EROFS\nrmdir: *"},
		trial{do: "open-tree-clone " + m + " f", happens: "open-tree-clone: ok 4"},
		trial{do: fmt.Sprintf("setns %d mnt -- mount tmpfs %s/a -- umount %s/a", other.Process.Pid, dir, dir), denied: "setns: ok\nmount: EPERM\numount: *", happens: "setns: ok\nmount: ok\numount: ok",
			alerts: []string{"sb_mount none new tmpfs " + dir + "/a"}, audited: []string{"sb_mount none new tmpfs " + dir + "/a", "sb_umount none umount tmpfs " + dir + "/a"}},
	)
	// What denies it all the same: a user namespace is where everybody has the capability.
	if kerneltest.Kernel() != "5.10" {
		t.Run("userns", func(t *testing.T) {
			(&fence{f.Manager, t}).trials(`
rules:
  - {id: userns, subject: all, setuid: {via: userns}, action: deny}
`, trial{do: "userns-mount " + dir + "/a", denied: "userns-mount: EPERM unshare", happens: "userns-mount: ok", alerts: []string{"userns_create userns userns 65534-65534"}})
		})
	}
}

// TestMountOverlay: a directory that is denied, as the lower one of an overlay, where its
// files are others. What denies that is a rule about mounts.
func TestMountOverlay(t *testing.T) {
	base := places(t, "m")
	m := base + "/m"
	qt.Assert(t, qt.IsNil(unix.Mount("test", m, "tmpfs", 0, "")))
	t.Cleanup(func() { unix.Unmount(m, unix.MNT_DETACH) })
	for _, d := range []string{"secret", "upper", "work", "merged"} {
		qt.Assert(t, qt.IsNil(os.Mkdir(m+"/"+d, 0o755)))
	}
	write(t, m+"/secret/f", "text")
	overlay := fmt.Sprintf("overlay-mount %s/secret %s/upper %s/work %s/merged", m, m, m, m)
	f := start(t)
	f.trials(`
rules:
  - {id: overlay, subject: all, mount: {ops: new, fstype: overlay}, action: deny}
  - {id: file, subject: all, file: {paths: `+m+`/secret/f, access: read}, action: deny}
`,
		mountDenied(overlay, "", "overlay", "new overlay "+m+"/merged", SbMount),
		trial{do: "read " + m + "/secret/f", denied: "read: EPERM", happens: "read: ok 4", alerts: []string{"file_open file " + m + "/secret/f"}},
		trial{do: "list " + m + "/merged", happens: "list: ok 0"},
	)
	t.Run("without", func(t *testing.T) {
		// Without the rule about mounts the file behind is denied, by its place in its file
		// system: nobody can name it otherwise.
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: file, subject: all, file: {paths: "`+m+`/secret/**", access: read}, action: deny}
`,
			trial{do: alone(overlay + " -- read " + m + "/merged/f"), denied: "overlay-mount: ok\nread: EPERM", happens: "overlay-mount: ok\nread: ok 4",
				alerts: []string{"file_open file /secret/f"}},
			trial{do: "read " + m + "/secret/f", denied: "read: EPERM", happens: "read: ok 4", alerts: []string{"file_open file " + m + "/secret/f"}},
		)
	})
}
