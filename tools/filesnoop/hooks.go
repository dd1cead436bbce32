package main

import (
	"runtime"
	"slices"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// hooks are the ladder. All ops have the same, so that one rung sees them in the
// order in which they happen.
func hooks(ops opSet, failures bool) []loader.Hook {
	rungs := []loader.Rung{fexitRung(ops, failures)}
	if mixed := mixedRung(ops, failures); mixed != nil {
		rungs = append(rungs, *mixed)
	}
	return []loader.Hook{{Name: "files", Rungs: append(rungs, rawRung(ops))}}
}

// callOps are those that are taken from the end of system calls though other
// functions tell of the rest: nothing else has their names whole.
func callOps(ops opSet) opSet { return ops & opsAttributes }

// failedOps are those whose failures only the system calls tell.
func failedOps(ops opSet) opSet {
	return ops & (opsName | opsAttributes | setOf(opTruncate, opMemfd))
}

// fexitRung stands on the functions behind the names: those that security modules
// are asked by, which have the whole path, and those that do it, which have the
// result.
func fexitRung(ops opSet, failures bool) loader.Rung {
	attach := functions(ops)
	for _, name := range callNames(ops, failures) {
		attach = append(attach, callFunctions(name)...)
	}
	r := loader.Rung{
		Name: "fexit", Attach: attach,
		Set: func(k *preflight.Kernel, spec *ebpf.CollectionSpec) error {
			if ops&^opsOpen == 0 {
				spec.Maps["scratch"].MaxEntries = uint32(bpfSlotSLOTS_OPEN)
			}
			return setShapes(k, spec, ops, failures)
		},
	}
	r.Blind = blindFunctions(ops, failures)
	return r
}

// mixedRung takes from all system calls what the functions behind them would have
// told, where the kernel's type information does not do for those; nil if that is
// nothing.
func mixedRung(ops opSet, failures bool) *loader.Rung {
	if len(callNames(ops, failures)) == 0 {
		return nil
	}
	exit := copies("call_exit", false)
	exit[0].Sieved = true
	r := fexitRung(ops, failures)
	r.Name = "fexit and raw_tp"
	r.Attach = append(functions(ops), exit...)
	r.Costs = costs
	return &r
}

const costs = "some ten nanoseconds, three times, for every system call of the machine"

// uringWrites tells what is written through io_uring, where there is that.
var uringWrites = loader.Attachment{Program: "uring_wrote", Optional: true}

const uringBlind = "what io_uring does besides writes and opens that succeed and get a descriptor, and before 5.19 all of it"

// rawRung stands on the exit of all system calls.
func rawRung(ops opSet) loader.Rung {
	attach := copies("call_exit", false)
	attach[0].Sieved = true // next to all system calls are others
	blind := []string{
		uringBlind + ", and what the kernel itself does",
		"symbolic links and mounts within the names of what is deleted, renamed, linked or made: they stand in path as they were given",
		"the inode of what is deleted, renamed, linked or made",
	}
	if ops&opsWrite != 0 {
		attach = append(attach, loader.Attachment{Program: "call_enter"}, loader.Attachment{Program: "process_exit"})
		attach = append(attach, uringWrites)
		blind = append(blind, "the end of files that are closed by close_range or by an exec")
	}
	if ops&opsOpen != 0 {
		attach = append(attach, loader.Attachment{Program: "uring_opened", Optional: true})
	}
	return loader.Rung{
		Name: "raw_tp", Attach: attach, Blind: blind, Costs: costs,
		Set: func(_ *preflight.Kernel, spec *ebpf.CollectionSpec) error {
			spec.Maps["scratch"].MaxEntries = uint32(bpfSlotSLOTS_RAW)
			return nil
		},
	}
}

// functions are the attachments of fexit for a set of ops.
func functions(ops opSet) []loader.Attachment {
	var attach []loader.Attachment
	if ops&opsOpen != 0 {
		attach = append(copies("opened", false),
			loader.Attachment{Program: "opened_otherwise", Optional: true},
			loader.Attachment{Program: "opened_otherwise", To: "do_file_open", Optional: true}) // 7.0
	}
	for _, pair := range []struct {
		op          op
		asked, done []string
	}{
		{opDelete, []string{"asked_unlink"}, []string{"unlinked"}},
		{opRmdir, []string{"asked_rmdir"}, []string{"removed_dir"}},
		{opRename, []string{"asked_rename"}, []string{"renamed"}},
		{opLink, []string{"asked_link"}, []string{"linked"}},
		{opSymlink, []string{"asked_symlink"}, []string{"symlinked"}},
		{opMkdir, []string{"asked_mkdir"}, []string{"made_dir"}},
		{opMknod, []string{"asked_mknod"}, []string{"made_node", "made_file"}},
		{opTruncate, nil, []string{"truncated", "truncated_file"}},
		{opMmap, nil, []string{"mapped"}},
		{opMemfd, nil, []string{"made_memfd"}},
	} {
		if ops.has(pair.op) {
			for _, program := range slices.Concat(pair.asked, pair.done) {
				attach = append(attach, loader.Attachment{Program: program})
			}
		}
	}
	if ops.has(opWrite) || ops.has(opClose) {
		for _, program := range []string{"wrote", "wrote_vector", "copied", "spliced", "put"} {
			attach = append(attach, loader.Attachment{Program: program})
		}
		attach = append(attach, uringWrites)
	}
	return attach
}

func blindFunctions(ops opSet, failures bool) []string {
	var blind []string
	if ops.has(opWrite) || ops.has(opClose) {
		blind = append(blind, "what is written through a mapping, and before 5.19 through io_uring")
	}
	if ops&opsAttributes != 0 {
		blind = append(blind, "attributes that are set through io_uring")
	}
	if failures && failedOps(ops) != 0 {
		blind = append(blind, "failures of io_uring, but of opens")
	}
	return blind
}

// callNames are the system calls that are looked at one by one.
func callNames(ops opSet, failures bool) []string {
	want := callOps(ops)
	if failures {
		want |= failedOps(ops)
	}
	var names []string
	for name, c := range calls {
		if c.wanted(want) && c.op != opOpen {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// callFunctions are the functions behind a system call, native and 32-bit. A kernel
// has some of them.
func callFunctions(name string) []loader.Attachment {
	prefixes := []string{"__x64_sys_", "__ia32_sys_", "__ia32_compat_sys_"}
	if runtime.GOARCH == "arm64" {
		prefixes = []string{"__arm64_sys_", "__arm64_compat_sys_"}
	}
	var attach []loader.Attachment
	for _, prefix := range prefixes {
		attach = append(attach, loader.Attachment{Program: "call_done", To: prefix + name, Optional: true})
	}
	return attach
}

// setShapes tells the programs where functions have their arguments, by the names
// of those, and what is left to system calls.
func setShapes(k *preflight.Kernel, spec *ebpf.CollectionSpec, ops opSet, failures bool) error {
	for name, function := range map[string]string{
		"unlink_shape": "vfs_unlink", "link_shape": "vfs_link", "symlink_shape": "vfs_symlink",
		"mkdir_shape": "vfs_mkdir", "mknod_shape": "vfs_mknod", "create_shape": "vfs_create", "truncate_shape": "do_truncate", "memfd_shape": "shmem_file_setup",
	} {
		if err := loader.SetConstant(spec, name, shapeOf(k.Parameters(function))); err != nil {
			return err
		}
	}
	fail := opSet(0)
	if failures {
		fail = failedOps(ops)
	}
	if err := loader.SetConstant(spec, "call_successes", uint64(callOps(ops))); err != nil {
		return err
	}
	return loader.SetConstant(spec, "call_failures", uint64(fail))
}

// shapeOf finds the dentry among a function's parameters: the last one that is
// called so. Behind all of them is the result.
func shapeOf(parameters []string) bpfShape {
	s := bpfShape{Result: uint32(len(parameters))}
	for i, name := range parameters {
		if name == "dentry" || name == "new_dentry" {
			s.Dentry = uint32(i)
		}
	}
	return s
}

// copies are a program and its backups.
func copies(program string, optional bool) []loader.Attachment {
	return []loader.Attachment{
		{Program: program, Backed: true, Optional: optional},
		{Program: program + "_backup", Backup: true, Optional: optional},
		{Program: program + "_backup2", Backup: true, Optional: optional},
	}
}
