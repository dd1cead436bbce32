// Package uprobe puts programs into functions of libraries, wherever these are.
//
// [Usual], [OfProcesses] and [OfProcess] find files: in the usual places, and of the
// processes that run, in containers as well. [Files] opens each file once, whatever it is
// called and by whom. [Links] attaches programs to functions of it, by one link for many or
// by one for each, and gives each its cookie, also on kernels that have no cookies.
package uprobe

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ringside-tools/ringside/internal/symbol"
)

// places are the usual directories of libraries, so that a program that lives for a moment
// is not missed.
var places = []string{
	"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu",
	"/usr/lib64", "/usr/lib", "/lib64", "/lib", "/usr/local/lib", "/usr/local/lib64", "/opt/*/lib",
}

// Usual hands over the libraries in the usual places of this machine whose path is wanted. One
// can come several times.
func Usual(wanted func(path string) bool, found func(symbol.Mapped)) {
	for _, dir := range places {
		paths, _ := filepath.Glob(filepath.Join(dir, "lib*so*"))
		for _, path := range paths {
			if !wanted(path) {
				continue
			}
			if real, err := filepath.EvalSymlinks(path); err == nil { // libssl.so is libssl.so.3
				found(symbol.In(0, real))
			}
		}
	}
}

// OfProcesses hands over the files of all processes but our own, each with the process.
func OfProcesses(wanted func(path string, program bool) bool, found func(m symbol.Mapped, pid uint32)) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, e := range entries {
		if pid, err := strconv.ParseUint(e.Name(), 10, 32); err == nil && pid != uint64(os.Getpid()) {
			OfProcess(uint32(pid), wanted, found)
		}
	}
}

// OfProcess hands over the files that a process executes and whose path, as the process knows
// it, is wanted; program says that it is the one that the process runs. There are none of a
// process that has ended, or is not ours to see.
func OfProcess(pid uint32, wanted func(path string, program bool) bool, found func(m symbol.Mapped, pid uint32)) {
	files, err := symbol.MappedFiles(pid)
	if err != nil {
		return
	}
	exe, _ := os.Readlink("/proc/" + strconv.FormatUint(uint64(pid), 10) + "/exe")
	exe = strings.TrimSuffix(exe, " (deleted)")
	for _, f := range files {
		if wanted(f.Path, f.Path == exe) {
			found(f, pid)
		}
	}
}
