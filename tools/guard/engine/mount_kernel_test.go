//go:build kernel

package engine

import (
	"fmt"
	"os"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
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
//
//vmrun:kernels 5.10 6.12
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
//
//vmrun:kernels 5.10 6.12
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

// TestMountSubject: everybody but one program.
//
//vmrun:kernels 6.1
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
