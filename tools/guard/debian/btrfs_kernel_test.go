//go:build kernel

package debian

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestSubvolumes: of files that have the same number in two subvolumes of btrfs, the one
// that a rule names is denied, by all of its names, and the other is not.
func TestSubvolumes(t *testing.T) {
	if kerneltest.Kernel() == "" {
		t.Skip("it mounts a file system by a device of this machine's: it runs in guests")
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%q: %s", args, out))
		return strings.TrimSpace(string(out))
	}
	dir := t.TempDir()
	image, at, other := filepath.Join(dir, "image"), filepath.Join(dir, "at"), filepath.Join(dir, "other")
	must("truncate", "-s", "128M", image)
	must("mkfs.btrfs", "-q", image)
	must("mkdir", at, other)
	device := must("losetup", "-f")
	must("losetup", device, image)
	t.Cleanup(func() { exec.Command("losetup", "-d", device).Run() })
	must("mount", "-t", "btrfs", device, at)
	t.Cleanup(func() { exec.Command("umount", at).Run() })
	var numbers []string
	for _, name := range []string{"a", "b"} {
		must("btrfs", "-q", "subvolume", "create", filepath.Join(at, name))
		secret := filepath.Join(at, name, "secret")
		qt.Assert(t, qt.IsNil(os.WriteFile(secret, []byte("s"), 0o644)))
		numbers = append(numbers, must("stat", "-c", "%i", secret))
	}
	qt.Assert(t, qt.Equals(numbers[0], numbers[1]))
	must("mount", "-t", "btrfs", "-o", "subvol=b", device, other)
	t.Cleanup(func() { exec.Command("umount", other).Run() })
	must("ln", filepath.Join(at, "b/secret"), filepath.Join(at, "b/link"))

	policy := installed(t, "subvolume.yaml", `
version: 1
name: subvolume
mode: enforce
rules:
  - {id: b, subject: all, file: {paths: [`+at+`/b/secret], access: read}, action: deny}
`)
	r := kerneltest.Start(t, "guard", "run", "--json", policy)
	for path, readable := range map[string]bool{
		at + "/a/secret": true, at + "/b/secret": false, at + "/b/link": false, other + "/secret": false, other + "/link": false,
	} {
		_, err := os.ReadFile(path)
		qt.Check(t, qt.Equals(err == nil, readable), qt.Commentf("%s: %v", path, err))
	}
	qt.Check(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.HasLen(alertsOf(r), 4))
}
