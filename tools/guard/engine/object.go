package engine

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/btfprog"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// bpfObject is the BPF object in the kernel: all of its maps, and of its programs
// those that were asked for.
type bpfObject struct {
	kernel   *preflight.Kernel
	specs    map[string]*ebpf.ProgramSpec
	inner    map[string]*ebpf.MapSpec // what the maps of maps have in them
	maps     *ebpf.Collection
	programs map[string]*ebpf.Program
	empty    map[table]bool // tables that have nothing in them, to be left as they are
	claims   bool           // what is made is noted as ours

	takesStructs *bool // nil until it was tried
}

// hookFunction is the function of the kernel that programs of an LSM hook replace.
func hookFunction(hook string) string { return "bpf_lsm_" + hook }

const iteratorFunction = "bpf_iter_task"

// openObject makes the maps. key is that of the hash of paths.
func openObject(key [2]uint64, options Options) (*bpfObject, error) {
	r, err := takeReading(options.BTF)
	if err != nil {
		return nil, err
	}
	spec, kernel := r.use()
	if err := setConstants(spec, kernel, key); err != nil {
		return nil, err
	}
	o := &bpfObject{kernel: kernel, specs: spec.Programs, inner: make(map[string]*ebpf.MapSpec), programs: make(map[string]*ebpf.Program), empty: make(map[table]bool)}
	spec.Programs = nil
	delete(spec.Maps, "table_types")
	spec.Maps["events"].MaxEntries = options.Buffer
	for name, m := range spec.Maps {
		if m.Type == ebpf.ArrayOfMaps {
			o.inner[name] = m.InnerMap
		}
	}
	if _, err := preflight.RaiseMemlock(); err != nil {
		return nil, err
	}
	o.maps, err = ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Cache: kernel.Cache})
	if err != nil {
		return nil, fmt.Errorf("make maps: %w", err)
	}
	return o, nil
}

// setConstants tells the programs what differs between kernels.
func setConstants(spec *ebpf.CollectionSpec, kernel *preflight.Kernel, key [2]uint64) error {
	has := func(hook, parameter string) bool {
		return slices.Contains(kernel.Parameters(hookFunction(hook)), parameter)
	}
	second := func(hook string) bool {
		return slices.Index(kernel.Parameters(hookFunction(hook)), "dentry") == 1
	}
	locks, err := kernelAddresses("rename_lock", "mount_lock")
	if err != nil {
		return err
	}
	root, number := subvolumeOffsets()
	for name, value := range map[string]any{
		"hash_key":           key,
		"rename_lock_at":     locks["rename_lock"],
		"mount_lock_at":      locks["mount_lock"],
		"btrfs_root_at":      root,
		"btrfs_number_at":    number,
		"rename_has_flags":   has("path_rename", "flags"),
		"setattr_has_idmap":  second("inode_setattr"),
		"setxattr_has_idmap": second("inode_setxattr"),
	} {
		if err := loader.SetConstant(spec, name, value); err != nil {
			return err
		}
	}
	return nil
}

// newHashKey makes a key that nobody can guess.
func newHashKey() ([2]uint64, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return [2]uint64{}, fmt.Errorf("make key: %w", err)
	}
	return [2]uint64{binary.NativeEndian.Uint64(b[:]), binary.NativeEndian.Uint64(b[8:])}, nil
}

// kernelAddresses finds variables of the kernel. Where addresses are hidden they
// are 0, and the programs do without: nothing is cached then.
func kernelAddresses(names ...string) (map[string]uint64, error) {
	found := make(map[string]uint64)
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return nil, fmt.Errorf("read kernel symbols: %w", err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	for in.Scan() && len(found) < len(names) {
		line := in.Bytes() // "ffffffff82a01440 D rename_lock"
		name := line[bytes.LastIndexByte(line, ' ')+1:]
		if !slices.Contains(names, string(name)) {
			continue
		}
		field, _, _ := bytes.Cut(line, []byte(" "))
		if at, err := strconv.ParseUint(string(field), 16, 64); err == nil {
			found[string(name)] = at
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read kernel symbols: %w", err)
	}
	return found, nil
}

// has reports whether this kernel has the hook of a program, and lets a program go
// there: 5.10 does not where an argument is a struct (path_chown).
func (o *bpfObject) has(program string) bool {
	spec, ok := o.specs[program]
	if !ok || !o.kernel.HasFunction(hookFunction(spec.AttachTo)) {
		return false
	}
	if program != string(PathChown) {
		return true
	}
	if o.takesStructs == nil {
		_, err := o.load(program)
		takes := err == nil
		o.takesStructs = &takes
	}
	return *o.takesStructs
}

// load loads a program, once.
func (o *bpfObject) load(program string) (*ebpf.Program, error) {
	if err := o.loadAll(program); err != nil {
		return nil, err
	}
	return o.programs[program], nil
}

// loadAll loads programs that are not loaded yet, as many at once as there are CPUs.
func (o *bpfObject) loadAll(names ...string) error {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	names = slices.DeleteFunc(names, func(name string) bool { return o.programs[name] != nil })
	programs := make([]*ebpf.Program, len(names))
	err := loader.InParallel(len(names), func(i int) (err error) {
		if programs[i], err = o.verify(names[i]); err != nil {
			err = fmt.Errorf("program %s: %w", names[i], err)
		}
		return err
	})
	for i, p := range programs {
		if p == nil {
			continue
		}
		o.programs[names[i]] = p
		if o.claims {
			err = errors.Join(err, o.claimProgram(p))
		}
	}
	return err
}

// verify has the kernel take a program. It changes nothing of the object.
func (o *bpfObject) verify(program string) (*ebpf.Program, error) {
	spec, ok := o.specs[program]
	if !ok {
		return nil, errors.New("not in the BPF object")
	}
	function := iteratorFunction
	if spec.Type == ebpf.LSM {
		function = hookFunction(spec.AttachTo)
	}
	id, err := o.kernel.Function(function)
	if err != nil {
		return nil, err
	}
	return btfprog.Load(spec, btfprog.Target{Function: id, Types: o.kernel.Relocations(), Maps: o.maps.Maps})
}

// forget unloads a program. 5.10 attaches a program of an LSM hook only once.
func (o *bpfObject) forget(program string) error {
	p, ok := o.programs[program]
	if !ok {
		return nil
	}
	delete(o.programs, program)
	return p.Close()
}

func (o *bpfObject) close() error {
	var errs []error
	for name := range o.programs {
		errs = append(errs, o.forget(name))
	}
	o.maps.Close()
	return errors.Join(errs...)
}
