package vm

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/go-quicktest/qt"
)

// readCpio is a second opinion on the format: one line per entry.
func readCpio(t *testing.T, b []byte) []string {
	t.Helper()
	pad := func(n int) int { return (n + 3) &^ 3 }
	var list []string
	inodes := map[uint64]bool{}
	for at := 0; ; {
		qt.Assert(t, qt.Equals(string(b[at:at+6]), "070701"), qt.Commentf("magic at %d", at))
		num := func(i int) uint64 {
			n, err := strconv.ParseUint(string(b[at+6+8*i:at+14+8*i]), 16, 32)
			qt.Assert(t, qt.IsNil(err))
			return n
		}
		nameLen, size := int(num(11)), int(num(6))
		name := string(b[at+110 : at+110+nameLen-1])
		qt.Assert(t, qt.Equals(b[at+110+nameLen-1], 0))
		body := pad(at + 110 + nameLen)
		if name == "TRAILER!!!" {
			qt.Assert(t, qt.Equals(body, len(b)))
			return list
		}
		qt.Assert(t, qt.IsFalse(inodes[num(0)]), qt.Commentf("inode %d twice would be a hard link", num(0)))
		inodes[num(0)] = true
		list = append(list, fmt.Sprintf("%s %o %d:%d %q", name, num(1), num(9), num(10), b[body:body+size]))
		at = pad(body + size)
	}
}

func TestInitramfs(t *testing.T) {
	host := filepath.Join(t.TempDir(), "h")
	qt.Assert(t, qt.IsNil(os.WriteFile(host, []byte("12345"), 0o600)))
	var buf bytes.Buffer
	err := writeInitramfs(&buf, []File{
		{Path: "/init", Mode: 0o755, Host: host},
		{Path: "/a/b/c", Mode: 0o644, Data: []byte("old")},
		{Path: "/a/b/c", Mode: 0o4755, Data: nil},
		{Path: "/a/b/suid", Mode: fs.ModeSetuid | 0o755, Data: []byte("x\n")},
		{Path: "/a/link", Mode: fs.ModeSymlink | 0o777, Target: "../init"},
		{Path: "/dev/console", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o600, Major: 5, Minor: 1},
		{Path: "/t", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
	})
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.DeepEquals(readCpio(t, buf.Bytes()), []string{
		`a 40755 0:0 ""`,
		`a/b 40755 0:0 ""`,
		`a/b/c 100755 0:0 ""`,
		`a/b/suid 104755 0:0 "x\n"`,
		`a/link 120777 0:0 "../init"`,
		`dev 40755 0:0 ""`,
		`dev/console 20600 5:1 ""`,
		`init 100755 0:0 "12345"`,
		`t 41777 0:0 ""`,
	}))
}

func TestInitramfsRefuses(t *testing.T) {
	err := writeInitramfs(&bytes.Buffer{}, []File{{Path: "/x", Mode: 0o644, Host: "/nonexistent/x"}})
	qt.Assert(t, qt.ErrorIs(err, fs.ErrNotExist))
	err = writeInitramfs(&bytes.Buffer{}, []File{{Path: "/x", Mode: fs.ModeSocket}})
	qt.Assert(t, qt.ErrorMatches(err, ".*/x: file type .* is not supported"))
}

func TestHostTree(t *testing.T) {
	dir := t.TempDir()
	qt.Assert(t, qt.IsNil(os.Mkdir(filepath.Join(dir, "sub"), 0o750)))
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "sub", "f"), nil, 0o640)))
	qt.Assert(t, qt.IsNil(os.Symlink("sub/f", filepath.Join(dir, "l"))))
	files, err := HostTree(dir, "/work/x")
	qt.Assert(t, qt.IsNil(err))
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path+f.Target)
	}
	qt.Assert(t, qt.DeepEquals(paths, []string{"/work/x", "/work/x/lsub/f", "/work/x/sub", "/work/x/sub/f"}))
}
