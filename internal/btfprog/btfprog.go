// Package btfprog loads programs that attach to a kernel function by its id in
// the kernel's type information (BTF): fentry, fexit, LSM.
//
// cilium/ebpf loads them as well, and looks for the id itself, for which it reads
// and indexes all of that type information: five megabytes, more time than all
// else that a command does when it starts, and most of its memory. Whoever knows
// the id already (internal/slimbtf finds it in passing) loads them here. What is
// left is what the library has public functions for: relocations, maps, and the
// program's own types.
package btfprog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// Target is what a program is fitted to and attached to.
type Target struct {
	Function btf.TypeID // in the running kernel's type information
	// Module is the module that the function is of, nil for the kernel itself (5.11).
	Module *btf.Handle
	// Types are those of the kernel that relocations are made against.
	Types *btf.Spec
	// Maps are those that the program refers to, by name.
	Maps map[string]*ebpf.Map
}

// Load loads a program, which is not changed. An error of the verifier has the
// end of its log.
func Load(spec *ebpf.ProgramSpec, to Target) (*ebpf.Program, error) {
	insns := make(asm.Instructions, len(spec.Instructions))
	copy(insns, spec.Instructions)
	if err := Associate(insns, to.Maps); err != nil {
		return nil, err
	}
	var types btf.Builder
	if err := relocate(insns, spec.ByteOrder, to.Types, &types); err != nil {
		return nil, fmt.Errorf("fit to the kernel's types: %w", err)
	}
	functions, lines, err := btf.MarshalExtInfos(insns, &types)
	if err != nil {
		return nil, fmt.Errorf("describe program: %w", err)
	}
	handle, err := btf.NewHandle(&types)
	if err != nil {
		return nil, fmt.Errorf("load types of program: %w", err)
	}
	defer handle.Close()
	var code bytes.Buffer
	if err := insns.Marshal(&code, native()); err != nil {
		return nil, fmt.Errorf("encode program: %w", err)
	}
	license := append([]byte(spec.License), 0)
	attr := loadAttr{
		progType:           uint32(spec.Type),
		insnCount:          uint32(code.Len() / asm.InstructionSize),
		insns:              pointer(code.Bytes()),
		license:            pointer(license),
		flags:              spec.Flags,
		expectedAttachType: uint32(spec.AttachType),
		btfFD:              uint32(handle.FD()),
		functionSize:       btf.FuncInfoSize,
		functions:          pointer(functions),
		functionCount:      uint32(len(functions)) / btf.FuncInfoSize,
		lineSize:           btf.LineInfoSize,
		lines:              pointer(lines),
		lineCount:          uint32(len(lines)) / btf.LineInfoSize,
		attachID:           uint32(to.Function),
	}
	if to.Module != nil {
		attr.attachFD = uint32(to.Module.FD())
	}
	copy(attr.name[:len(attr.name)-1], spec.Name)
	fd, err := attr.load()
	runtime.KeepAlive(insns) // and with them the maps
	runtime.KeepAlive(to.Module)
	if err != nil {
		return nil, err
	}
	return ebpf.NewProgramFromFD(fd)
}

// native is the byte order of this machine, as one of the two that the library
// knows.
func native() binary.ByteOrder {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// Associate puts maps where the program refers to them by name.
func Associate(insns asm.Instructions, maps map[string]*ebpf.Map) error {
	for i := range insns {
		ins := &insns[i]
		if !ins.IsLoadFromMap() || ins.Reference() == "" {
			continue
		}
		m, ok := maps[ins.Reference()]
		if !ok {
			return fmt.Errorf("no map %s", ins.Reference())
		}
		if err := ins.AssociateMap(m); err != nil {
			return fmt.Errorf("map %s: %w", ins.Reference(), err)
		}
	}
	return nil
}

// relocate makes offsets and sizes those of the kernel.
func relocate(insns asm.Instructions, order binary.ByteOrder, kernel *btf.Spec, local *btf.Builder) error {
	var relocations []*btf.CORERelocation
	var at []*asm.Instruction
	for it := insns.Iterate(); it.Next(); {
		if r := btf.CORERelocationMetadata(it.Ins); r != nil {
			relocations = append(relocations, r)
			at = append(at, it.Ins)
		}
	}
	if len(relocations) == 0 {
		return nil
	}
	fixups, err := btf.CORERelocate(relocations, []*btf.Spec{kernel}, order, local.Add)
	if err != nil {
		return err
	}
	for i := range fixups {
		if err := fixups[i].Apply(at[i]); err != nil {
			return fmt.Errorf("%s: %w", relocations[i], err)
		}
	}
	return nil
}

// loadAttr is the part of union bpf_attr for BPF_PROG_LOAD up to attach_prog_fd
// (5.5, with which such programs came), the place of attach_btf_obj_fd as well.
type loadAttr struct {
	progType, insnCount uint32
	insns, license      unsafe.Pointer
	logLevel, logSize   uint32
	log                 unsafe.Pointer
	kernelVersion       uint32
	flags               uint32
	name                [unix.BPF_OBJ_NAME_LEN]byte
	ifindex             uint32
	expectedAttachType  uint32
	btfFD               uint32
	functionSize        uint32
	functions           unsafe.Pointer
	functionCount       uint32
	lineSize            uint32
	lines               unsafe.Pointer
	lineCount           uint32
	attachID, attachFD  uint32
	_                   uint32 // the size is a multiple of eight
}

// pointer is nil for no bytes.
func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// load calls the kernel, and once more for its log where it refuses.
func (a *loadAttr) load() (int, error) {
	fd, err := a.call()
	if err == nil {
		return fd, nil
	}
	if errors.Is(err, unix.EPERM) {
		return -1, fmt.Errorf("load program: %w", err) // the verifier has not seen it
	}
	log := make([]byte, 1<<20)
	a.logLevel, a.logSize, a.log = 1, uint32(len(log)), pointer(log)
	fd, again := a.call()
	if again == nil {
		return fd, nil // what was missing, such as memory, was there this time
	}
	return -1, fmt.Errorf("load program: %w%s", err, tail(log))
}

func (a *loadAttr) call() (int, error) {
	// The verifier gives up where a signal comes; the runtime sends itself many.
	const attempts = 30
	for i := 0; ; i++ {
		fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(a)), unsafe.Sizeof(*a))
		switch {
		case errno == 0:
			return int(fd), nil
		case (errno == unix.EAGAIN || errno == unix.EINTR) && i < attempts:
			continue
		}
		return -1, errno
	}
}

// tail is the end of a verifier's log, which says what it did not like.
func tail(log []byte) string {
	log, _, _ = bytes.Cut(log, []byte{0})
	const lines = 8
	all := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	out := bytes.Join(all[max(0, len(all)-lines):], []byte("; "))
	if len(out) == 0 {
		return ""
	}
	return ": " + string(out)
}
