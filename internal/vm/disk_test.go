package vm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestParseSimulation(t *testing.T) {
	qt.Assert(t, qt.DeepEquals(parseSimulation(`Reading package lists...
The following NEW packages will be installed:
  bpftrace libc6
Inst libc6 (2.41-12 Debian:13.8/stable [amd64])
Inst bpftrace (0.23.2-1 Debian:13.8/stable [amd64]) []
Conf libc6 (2.41-12 Debian:13.8/stable [amd64])
Inst broken
`), []string{"libc6=2.41-12", "bpftrace=0.23.2-1"}))
}

func TestDiskVersion(t *testing.T) {
	d := &Disk{Packages: []string{"base-files=13.8", "libbpf-tools=0.31.0+ds-7", "libbpf1=1:1.5.0-3"}}
	qt.Check(t, qt.Equals(d.Version("libbpf1"), "1:1.5.0-3"))
	qt.Check(t, qt.Equals(d.Version("libbpf"), ""))
	first, rest := d.split()
	qt.Check(t, qt.DeepEquals(first, []string{"base-files=13.8"}))
	qt.Check(t, qt.HasLen(rest, 2))
}

func TestDiskIsRecorded(t *testing.T) {
	dir := t.TempDir()
	record, file := filepath.Join(dir, "r.json"), filepath.Join(dir, "x.ext4")
	qt.Assert(t, qt.IsNil(writeAtomic(record, []byte(`{"path":"`+file+`","packages":["a=1"]}`))))
	qt.Assert(t, qt.IsNil(recordedDisk(record)), qt.Commentf("its file is gone"))
	qt.Assert(t, qt.IsNil(os.WriteFile(file, nil, 0o644)))
	qt.Assert(t, qt.DeepEquals(recordedDisk(record), &Disk{Path: file, Packages: []string{"a=1"}}))
}

// TestDiskOfTheCache: what was made once is found without apt, in any order
// of the packages, and for no other kernel.
func TestDiskOfTheCache(t *testing.T) {
	c := &Cache{Dir: t.TempDir(), Logf: t.Logf}
	t.Setenv("PATH", "") // no apt
	img := &Image{Kernel: Matrix[0], Release: "5.10.0", Version: "1"}
	file := filepath.Join(c.Dir, "x.ext4")
	qt.Assert(t, qt.IsNil(os.WriteFile(file, nil, 0o644)))
	record := filepath.Join(c.Dir, "disks", digest([]string{"a", "b", "amd64", "5.10.0", "1"})+".json")
	qt.Assert(t, qt.IsNil(writeAtomic(record, []byte(`{"path":"`+file+`"}`))))

	d, err := c.Disk(t.Context(), img, []string{"b", "a"}, false)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(d.Path, file))
	img.Release = "5.10.1"
	_, err = c.Disk(t.Context(), img, []string{"b", "a"}, false)
	qt.Assert(t, qt.ErrorMatches(err, "apt-get not found.*"))
}

func TestDiskArgs(t *testing.T) {
	qt.Check(t, qt.HasLen(diskArgs(nil), 0))
	args := strings.Join(diskArgs(&Disk{Path: "/a,b"}), " ")
	qt.Check(t, qt.StringContains(args, "readonly=on,file=/a,,b"))
}

func TestMeasureTree(t *testing.T) {
	dir := t.TempDir()
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "a"), make([]byte, 4097), 0o644)))
	qt.Assert(t, qt.IsNil(os.Symlink("a", filepath.Join(dir, "b"))))
	size, files, err := measureTree(dir)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(files, 3))
	qt.Check(t, qt.Equals(size > 8192, true))
}
