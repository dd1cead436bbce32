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

// places are directories to mount on, in memory.
func places(t *testing.T, names ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, d := range []string{dir, dir + "/.."} { // ordinary users come here, too
		qt.Assert(t, qt.IsNil(os.Chmod(d, 0o755)))
	}
	for _, n := range names {
		qt.Assert(t, qt.IsNil(os.Mkdir(dir+"/"+n, 0o755)))
	}
	return dir
}

// alone makes a line of the workload go on in a mount namespace of its own.
func alone(line string) string { return "mountns " + line }

// mountDenied is an operation of one step; what is denied is told of the last word.
func mountDenied(line, step, rule, object string, hook Hook) trial {
	name, _, _ := cut(line)
	if step != "" {
		step = " " + step
	}
	return trial{do: alone(line), denied: name + ": EPERM" + step, happens: name + ": ok", alerts: []string{string(hook) + " " + rule + " " + object}}
}

func cut(line string) (string, string, bool) {
	for i := range line {
		if line[i] == ' ' {
			return line[:i], line[i+1:], true
		}
	}
	return line, "", false
}

// TestMountAny: nobody mounts anything, in whatever way. The namespaces that the
// workload makes for itself change propagation, which is not denied.
func TestMountAny(t *testing.T) {
	dir := places(t, "a", "b", "m", "p")
	a, b, m := dir+"/a", dir+"/b", dir+"/m"
	qt.Assert(t, qt.IsNil(unix.Mount("test", m, "tmpfs", 0, "")))
	t.Cleanup(func() { unix.Unmount(m, unix.MNT_DETACH) })
	qt.Assert(t, qt.IsNil(os.Mkdir(m+"/sub", 0o755)))
	f := start(t)
	f.trials(`
rules:
  - {id: none, subject: all, mount: {ops: [new, bind, move, remount, umount, pivot]}, action: deny}
`,
		mountDenied("mount tmpfs "+a, "", "none", "new tmpfs "+a, SbMount),
		mountDenied("mount proc "+a+" ro,nosuid", "", "none", "new proc "+a, SbMount),
		mountDenied("mount-bind "+a+" "+b, "", "none", "bind "+" "+b, SbMount),
		// A type of NULL, or one that does not exist, does not matter to a bind.
		mountDenied("mount-bind-notype "+a+" "+b, "", "none", "bind "+" "+b, SbMount),
		mountDenied("mount-bogus-type "+a+" "+b, "", "none", "bind "+" "+b, SbMount),
		mountDenied("mount-rec "+a+" "+b, "", "none", "bind "+" "+b, SbMount),
		mountDenied("mount-move "+m+" "+b, "", "none", "move "+" "+b, SbMount),
		mountDenied("remount "+m+" ro", "", "none", "remount tmpfs "+m, SbMount),
		mountDenied("remount-bind-ro "+m, "", "none", "remount tmpfs "+m, SbMount),
		trial{do: alone("mount bogus " + a), denied: "mount: EPERM", happens: "mount: ENODEV", alerts: []string{"sb_mount none new bogus " + a}},
		// The new interface.
		trial{do: alone("fsopen tmpfs " + a), denied: "fsopen: EPERM fsconfig", happens: "fsopen: ok", alerts: []string{"sb_kern_mount none new tmpfs"},
			audited: []string{"sb_kern_mount none new tmpfs", "move_mount none move tmpfs " + a}},
		trial{do: alone("fsopen-use tmpfs"), denied: "fsopen-use: EPERM fsconfig", happens: "fsopen-use: ok 9", alerts: []string{"sb_kern_mount none new tmpfs"}},
		mountDenied("open-tree-move "+m+" "+b, "move_mount", "none", "move tmpfs "+b, MoveMount),
		mountDenied("open-tree-move "+m+"/sub "+b, "move_mount", "none", "move tmpfs "+b, MoveMount),
		mountDenied("fspick "+m+" ro", "reconfigure", "none", "remount tmpfs", SbRemount),
		// A mount that failed leaves no trace that lets the next one through.
		trial{do: alone("mount bogus " + a + " -- fsopen-use tmpfs"), denied: "mount: EPERM\nfsopen-use: EPERM fsconfig", happens: "mount: ENODEV\nfsopen-use: ok 9",
			alerts: []string{"sb_mount none new bogus " + a, "sb_kern_mount none new tmpfs"}},
		mountDenied("umount "+m+" detach", "", "none", "umount tmpfs "+m, SbUmount),
		mountDenied("umount "+m+" nofollow", "", "none", "umount tmpfs "+m, SbUmount),
		mountDenied("umount "+m+" force", "", "none", "umount tmpfs "+m, SbUmount),
		trial{do: alone("umount " + m + " expire"), denied: "umount: EPERM", happens: "umount: ok", alerts: []string{"sb_umount none umount tmpfs " + m},
			audited: []string{"sb_umount none umount tmpfs " + m, "sb_umount none umount tmpfs " + m}},
		trial{do: "pivot-root " + dir + "/p", denied: "pivot-root: EPERM mount", happens: "pivot-root: *", alerts: []string{"sb_mount none bind  " + dir + "/p"},
			audited: []string{"sb_mount none bind  " + dir + "/p", "sb_pivotroot none pivot * " + dir + "/p"}},
		// As an ordinary user in a user namespace.
		trial{do: "userns-mount " + a, denied: "userns-mount: EPERM", happens: "userns-mount: ok", alerts: []string{"sb_mount none new tmpfs " + a}},
		// What goes on.
		trial{do: "mountns open " + a + " directory", happens: "open: ok"},
		trial{do: alone("mount-propagation " + m + " shared"), happens: "mount-propagation: ok"},
		trial{do: "mkdir " + a + "/x -- rmdir " + a + "/x", happens: "mkdir: ok\nrmdir: ok"},
	)
	var st unix.Statfs_t
	qt.Check(t, qt.IsNil(unix.Statfs(a, &st)))
}

// TestMountOps: each operation by itself.
func TestMountOps(t *testing.T) {
	dir := places(t, "a", "b", "m")
	a, b, m := dir+"/a", dir+"/b", dir+"/m"
	qt.Assert(t, qt.IsNil(unix.Mount("test", m, "tmpfs", 0, "")))
	t.Cleanup(func() { unix.Unmount(m, unix.MNT_DETACH) })
	f := start(t)
	goesOn := map[string]trial{
		"new":         {do: alone("mount tmpfs " + a), happens: "mount: ok"},
		"bind":        {do: alone("mount-bind " + a + " " + b), happens: "mount-bind: ok"},
		"move":        {do: alone("mount-move " + m + " " + b), happens: "mount-move: ok"},
		"remount":     {do: alone("remount " + m + " nodev"), happens: "remount: ok"},
		"umount":      {do: alone("umount " + m), happens: "umount: ok"},
		"propagation": {do: "mount-propagation " + m + " private", happens: "mount-propagation: ok"},
	}
	for op, denied := range map[string][]trial{
		"new":     {mountDenied("mount tmpfs "+a, "", "one", "new tmpfs "+a, SbMount)},
		"bind":    {mountDenied("mount-bind "+a+" "+b, "", "one", "bind  "+b, SbMount), mountDenied("open-tree-move "+m+" "+b, "move_mount", "one", "* tmpfs "+b, MoveMount)},
		"move":    {mountDenied("mount-move "+m+" "+b, "", "one", "move  "+b, SbMount), mountDenied("open-tree-move "+m+" "+b, "move_mount", "one", "* tmpfs "+b, MoveMount)},
		"remount": {mountDenied("remount "+m+" ro", "", "one", "remount tmpfs "+m, SbMount), mountDenied("fspick "+m+" ro", "reconfigure", "one", "remount tmpfs", SbRemount)},
		"umount":  {mountDenied("umount "+m, "", "one", "umount tmpfs "+m, SbUmount)},
		"propagation": {{do: "mount-propagation " + m + " shared,rec", denied: "mount-propagation: EPERM", happens: "mount-propagation: ok",
			alerts: []string{"sb_mount one propagation tmpfs " + m}}},
	} {
		t.Run(op, func(t *testing.T) {
			for name, a := range goesOn {
				// A namespace of its own takes a change of propagation.
				if name != op && op != "propagation" {
					denied = append(denied, a)
				}
			}
			(&fence{f.Manager, t}).trials(`
rules:
  - {id: one, subject: all, mount: {ops: `+op+`}, action: deny}
`, denied...)
		})
	}
	t.Run("pivot", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: one, subject: all, mount: {ops: pivot}, action: deny}
`, trial{do: "pivot-root " + a, denied: "pivot-root: EPERM", happens: "pivot-root: *", alerts: []string{"sb_pivotroot one pivot * " + a}},
			goesOn["bind"], goesOn["new"])
	})
}

// TestMountType: by the type of the file system.
func TestMountType(t *testing.T) {
	dir := places(t, "a", "b", "m", "lower", "upper", "work")
	a, b, m := dir+"/a", dir+"/b", dir+"/m"
	qt.Assert(t, qt.IsNil(unix.Mount("test", m, "tmpfs", 0, "")))
	t.Cleanup(func() { unix.Unmount(m, unix.MNT_DETACH) })
	for _, d := range []string{"lower", "upper", "work"} {
		qt.Assert(t, qt.IsNil(os.Mkdir(m+"/"+d, 0o755)))
	}
	overlay := fmt.Sprintf("overlay-mount %s/lower %s/upper %s/work %s", m, m, m, a)
	f := start(t)
	t.Run("denied", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: type, subject: all, mount: {ops: [new, remount, umount], fstype: [proc, overlay]}, action: deny}
`,
			mountDenied("mount proc "+a, "", "type", "new proc "+a, SbMount),
			mountDenied("mount proc.sub "+a, "", "type", "new proc "+a, SbMount).instead("mount: *"),
			mountDenied(overlay, "", "type", "new overlay "+a, SbMount),
			trial{do: alone("fsopen proc " + a), denied: "fsopen: EPERM fsconfig", happens: "fsopen: ok", alerts: []string{"sb_kern_mount type new proc"},
				audited: []string{"sb_kern_mount type new proc", "move_mount type move proc " + a}},
			// It is known for a mount that is there, too.
			mountDenied("umount /proc detach", "", "type", "umount proc /proc", SbUmount),
			// A mount that failed leaves no trace that lets the next one through.
			trial{do: alone("mount bogus " + a + " -- fsopen-use proc"), denied: "mount: ENODEV\nfsopen-use: EPERM fsconfig", happens: "mount: ENODEV\nfsopen-use: *",
				alerts: []string{"sb_kern_mount type new proc"}},
			trial{do: alone("mount tmpfs " + a + " -- fsopen tmpfs " + b + " -- umount " + a + " -- remount " + m + " nodev"), happens: "mount: ok\nfsopen: ok\numount: ok\nremount: ok"},
		)
	})
	t.Run("bind of any", func(t *testing.T) {
		// What is bound is not known before it is done: any type that is denied.
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: type, subject: all, mount: {ops: bind, fstype: proc}, action: deny}
`,
			mountDenied("mount-bind /proc "+a, "", "type", "bind  "+a, SbMount),
			mountDenied("mount-bind "+m+" "+a, "", "type", "bind  "+a, SbMount),
			mountDenied("open-tree-move /proc "+a, "move_mount", "type", "move proc "+a, MoveMount),
			trial{do: alone("open-tree-move " + m + " " + a), happens: "open-tree-move: ok"},
			trial{do: alone("mount proc " + a), happens: "mount: ok"},
		)
	})
	t.Run("allowed", func(t *testing.T) {
		// Deny bind, allow tmpfs.
		(&fence{f.Manager, t}).trials(`
defaults: {all: {mount: deny}}
rules:
  - {id: own, subject: all, mount: {ops: propagation}, action: allow}
  - {id: tmpfs, subject: all, mount: {fstype: tmpfs}, action: allow}
`,
			trial{do: alone("mount tmpfs " + a + " -- fsopen tmpfs " + b + " -- remount " + a + " ro -- umount " + a), happens: "mount: ok\nfsopen: ok\nremount: ok\numount: ok"},
			mountDenied("mount proc "+a, "", "default", "new proc "+a, SbMount),
			mountDenied("mount-bind /proc "+m+"/lower", "", "default", "bind  "+m+"/lower", SbMount),
			trial{do: alone("fsopen-use proc"), denied: "fsopen-use: EPERM fsconfig", happens: "fsopen-use: *", alerts: []string{"sb_kern_mount default new proc"}},
			mountDenied("umount /proc detach", "", "default", "umount proc /proc", SbUmount),
		)
	})
}

// instead has something else happen.
func (a trial) instead(happens string) trial {
	a.happens = happens
	return a
}

// TestMountTarget: by the place.
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

// TestMountSubject: everybody but one program.
func TestMountSubject(t *testing.T) {
	dir := places(t, "a")
	one := program(t, t.TempDir()+"/mount")
	f := start(t)
	policy := `
subjects: {mount: {exe: ` + one + `}}
rules:
  - {id: none, subject: {any: all, except: mount}, mount: {ops: [new, umount]}, action: deny}
`
	t.Run("one", func(t *testing.T) {
		(&fence{f.Manager, t}).trialsAs(one, policy, trial{do: alone("mount tmpfs " + dir + "/a -- umount " + dir + "/a"), happens: "mount: ok\numount: ok"})
	})
	t.Run("others", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(policy, mountDenied("mount tmpfs "+dir+"/a", "", "none", "new tmpfs "+dir+"/a", SbMount),
			trial{do: alone("exec-then " + one + " mount tmpfs " + dir + "/a"), happens: "mount: ok"})
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
