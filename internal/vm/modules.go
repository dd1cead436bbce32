package vm

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// DefaultModules are loaded into every guest. What Debian builds as a module
// and a test needs goes here (or behind vmrun's -modules): veth, dummy, tls...
var DefaultModules = []string{"overlay", "veth", "sctp", "tun", "sch_ingress", "cls_bpf", "algif_skcipher", "algif_aead", "algif_hash", "authenc"}

// module is a decompressed .ko.
type module struct {
	name string
	ko   []byte
}

// modules finds modules by name with all that they depend on, dependencies
// first; one whose name ends with a question mark is left out where there is none. What the kernel has built in needs no file. The packages carry no
// modules.dep (depmod writes it on installation), so that the dependencies are
// read from the modules themselves.
func (i *Image) modules(names []string) ([]module, error) {
	if len(names) == 0 {
		return nil, nil
	}
	byName := map[string]string{}
	err := filepath.WalkDir(i.Modules(), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base, _, ok := strings.Cut(d.Name(), ".ko"); ok && d.Type().IsRegular() {
			byName[canonical(base)] = path
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list modules of %s: %w", i.Release, err)
	}
	builtin, err := os.ReadFile(filepath.Join(i.Modules(), "modules.builtin"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list built-in modules: %w", err)
	}
	if err != nil { // the packages of 7.x lack the list; without them, mounting the disk fails
		for _, name := range diskModules {
			if _, ok := byName[canonical(name)]; !ok {
				byName[canonical(name)] = ""
			}
		}
	}
	for line := range strings.Lines(string(builtin)) {
		base := strings.TrimSuffix(filepath.Base(strings.TrimSpace(line)), ".ko")
		byName[canonical(base)] = ""
	}

	var order []module
	seen := map[string]bool{}
	var add func(name string) error
	add = func(name string) error {
		name = canonical(name)
		path, ok := byName[name]
		if !ok {
			return fmt.Errorf("module %s: not in the packages of %s", name, i.Release)
		}
		if path == "" || seen[name] {
			return nil
		}
		seen[name] = true
		ko, err := readModule(path)
		if err != nil {
			return err
		}
		deps, err := depends(ko)
		if err != nil {
			return fmt.Errorf("module %s: %w", name, err)
		}
		for _, d := range deps {
			if err := add(d); err != nil {
				return fmt.Errorf("%w (needed by %s)", err, name)
			}
		}
		order = append(order, module{name, ko})
		return nil
	}
	for _, n := range names {
		n, optional := strings.CutSuffix(n, "?")
		if _, ok := byName[canonical(n)]; optional && !ok {
			continue
		}
		if err := add(n); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// canonical is a module's name as the kernel spells it.
func canonical(name string) string { return strings.ReplaceAll(name, "-", "_") }

// readModule decompresses on the host, where it is cheap: 5.10 and 6.1 have no
// compressed modules and cannot decompress them either.
func readModule(path string) ([]byte, error) {
	var tool string
	switch filepath.Ext(path) {
	case ".ko":
		return os.ReadFile(path)
	case ".xz":
		tool = "xz"
	case ".zst":
		tool = "zstd"
	default:
		return nil, fmt.Errorf("read module %s: unknown compression", path)
	}
	out, err := exec.Command(tool, "-dc", path).Output()
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, fmt.Errorf("%s not found: apt-get install %s", tool, map[string]string{"xz": "xz-utils", "zstd": "zstd"}[tool])
		}
		return nil, fmt.Errorf("decompress module %s: %w", path, err)
	}
	return out, nil
}

// depends reads "depends=a,b" from a module's .modinfo section.
func depends(ko []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		return nil, err
	}
	s := f.Section(".modinfo")
	if s == nil {
		return nil, errors.New("no .modinfo section")
	}
	info, err := s.Data()
	if err != nil {
		return nil, err
	}
	for _, field := range bytes.Split(info, []byte{0}) {
		if list, ok := strings.CutPrefix(string(field), "depends="); ok {
			return slices.DeleteFunc(strings.Split(list, ","), func(s string) bool { return s == "" }), nil
		}
	}
	return nil, nil
}
