package probe

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/internal/uprobe"
	"github.com/ringside-tools/ringside/tools/argdist/check"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/debuginfo"
	"github.com/ringside-tools/ringside/tools/argdist/libc"
	"github.com/ringside-tools/ringside/tools/argdist/usdt"
)

// program is a file whose functions are probed, with its debug information, which
// is opened when somebody asks for a type that nobody else knows.
type program struct {
	at     symbol.Mapped
	info   *debuginfo.Info
	opened bool
}

func (p *program) debug() *debuginfo.Info {
	if !p.opened {
		p.opened = true
		if info, err := debuginfo.Open(p.at); err == nil {
			p.info = info
		}
	}
	return p.info
}

func (p *program) find(kind, name string) (ctype.Type, bool) {
	if i := p.debug(); i != nil {
		if t, err := i.Type(kind, name); err == nil {
			return t, true
		}
	}
	return nil, false
}

// Named, Tagged and Constant look into the program's debug information.
func (p *program) Named(name string) (ctype.Type, bool)       { return p.find("", name) }
func (p *program) Tagged(tag, name string) (ctype.Type, bool) { return p.find(tag, name) }
func (p *program) Constant(string) (int64, ctype.Type, bool)  { return 0, nil, false }

// types are those that a specifier of a user program means. What the program does
// not say itself may be in our table, and last in the kernel, which has many structs
// of the same name and layout.
func (h *Host) inProgram(p *program) check.Types {
	return check.Chain{typedefs{}, p, libc.Table{}, lazy{h}}
}

// typedefs are names that mean the same in all programs, for which no debug
// information need be read; and constants, of which it has none.
type typedefs struct{ libc.Table }

func (typedefs) Tagged(string, string) (ctype.Type, bool) { return nil, false }

// findLibrary finds the file that a specifier names.
func (h *Host) findLibrary(p *Place, pid uint32) error {
	m, s := here(), p.spec
	at, err := symbol.FindLibrary(pid, s.Library.Text)
	if err != nil {
		return s.At(s.Library.Range, "give a path, the name of a library without lib and .so, or an executable in PATH", "%v", err)
	}
	p.program = &program{at: at}
	p.Scope.Types, p.Scope.Space, p.Scope.MaxArgs = h.inProgram(p.program), ctype.User, len(m.args)
	p.Scope.Registers, p.Scope.RegisterNames = m.registers, m.names
	return nil
}

// findSymbol finds a function of a library or an executable.
func (h *Host) findSymbol(p *Place, pid uint32) error {
	if err := h.findLibrary(p, pid); err != nil {
		return err
	}
	s, at := p.spec, p.program.at
	list, err := p.lookup()
	if err != nil {
		return s.At(s.Library.Range, "", "read functions of %s: %v", at.Path, err)
	}
	const most = 1000
	switch {
	case len(list) == 0:
		return p.noSymbol()
	case len(list) > most:
		return s.At(s.Name.Range, "be more precise", "%d functions match; no more than %d can be probed", len(list), most)
	}
	p.symbols = list
	if p.Wildcard {
		return nil
	}
	addr := list[0].Address
	if list[0].Indirect {
		// A program calls the one that suits the processor.
		if p.symbols, err = at.Variants(list[0]); err != nil {
			return s.At(s.Name.Range, "argdist --list '"+s.Library.Text+":*"+p.Function+"*' may show those that it chooses from",
				"%s is no function, but chooses one of several when a program starts: %v", p.Function, err)
		}
		addr = 0
	}
	if p.saysAll() {
		return nil
	}
	if info := p.program.debug(); info != nil {
		if fn, err := info.Function(p.Function, addr); err == nil {
			p.Scope.Func, p.Scope.Slots = fn, slots(fn)
		}
	}
	return nil
}

// saysAll reports whether the specifier itself says all that debug information could
// tell of the function, which is large and takes time to read.
func (p *Place) saysAll() bool {
	s := p.spec
	for _, param := range s.Params {
		if param.Type == nil {
			return false
		}
	}
	return (s.Signed || len(s.Exprs) == 0) && !strings.Contains(s.Text, "$retval")
}

// lookup returns the functions that the specifier names, each address once.
func (p *Place) lookup() ([]symbol.Function, error) {
	if !p.Wildcard {
		list, err := p.program.at.Function(p.Function)
		return list[:min(1, len(list))], err
	}
	match := Matcher(p.Function)
	all, err := p.program.at.Functions(func(name []byte) bool { return match(string(name)) })
	seen := make(map[uint64]bool)
	var list []symbol.Function
	for _, f := range all {
		places := []symbol.Function{f}
		if f.Indirect { // those that it can be
			places, _ = p.program.at.Variants(f)
		}
		for _, f := range places {
			if !seen[f.Offset] {
				seen[f.Offset] = true
				list = append(list, f)
			}
		}
	}
	return list, err
}

func (p *Place) noSymbol() error {
	s := p.spec
	all, _ := p.program.at.Functions(func([]byte) bool { return true })
	var known []string
	for _, f := range all {
		known = append(known, f.Name)
	}
	fix := meant(p.Function, known, "argdist --list '"+s.Library.Text+":*' shows what there is")
	if len(known) == 0 {
		fix = "it is stripped: its functions have no names"
	}
	return s.At(s.Name.Range, fix, "%s has no function %s", p.program.at.Path, p.Function)
}

// file opens the program so that the kernel can be told its path, whatever its name
// is and in whose root it lies.
func (p *Place) file() (*os.File, *link.Executable, error) {
	f, _, err := p.program.at.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", p.program.at.Path, err)
	}
	ex, err := uprobe.Executable(f)
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("open %s: %w", p.program.at.Path, err)
	}
	return f, ex, nil
}

// spot is a place in a file that a probe goes to.
type spot struct{ offset, semaphore uint64 }

// attachTo attaches a program to places of the file, for each process or for all.
func (p *Place) attachTo(prog *ebpf.Program, spots []spot, atReturn bool, pids []uint32) ([]io.Closer, error) {
	f, ex, err := p.file()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	attach := ex.Uprobe
	if atReturn {
		attach = ex.Uretprobe
	}
	if len(pids) == 0 {
		pids = []uint32{0}
	}
	var links []io.Closer
	for _, pid := range pids {
		for _, at := range spots {
			l, err := attach(p.Function, prog, &link.UprobeOptions{PID: int(pid), Address: at.offset, RefCtrOffset: at.semaphore})
			if errors.Is(err, unix.EINVAL) {
				// The kernel wants one and the same counter of all probes at a place.
				err = fmt.Errorf("%w: another program may have a probe there with another counter (ref_ctr_offset)", err)
			}
			if err != nil {
				return links, fmt.Errorf("attach to %s at %#x: %w", p.program.at.Path, at.offset, err)
			}
			links = append(links, l)
		}
	}
	return links, nil
}

// findStatic finds the places of a static probe. provider:name tells probes of the
// same name apart, and is not needed where there is one.
func (h *Host) findStatic(p *Place, pid uint32) error {
	if err := h.findLibrary(p, pid); err != nil {
		return err
	}
	s, at := p.spec, p.program.at
	f, _, err := at.Open()
	if err != nil {
		return s.At(s.Library.Range, "", "open %s: %v", at.Path, err)
	}
	defer f.Close()
	e, err := symbol.NewELF(f)
	if err != nil {
		return s.At(s.Library.Range, "", "read %s: %v", at.Path, err)
	}
	all, err := usdt.Read(e)
	if err != nil && !errors.Is(err, usdt.ErrNone) {
		return s.At(s.Library.Range, "", "read static probes of %s: %v", at.Path, err)
	}
	p.static = usdt.Find(all, "", p.Function)
	if len(p.static) == 0 {
		var known []string
		for _, l := range all {
			known = append(known, l.Name)
		}
		fix := meant(p.Function, known, "argdist --list 'u:"+s.Library.Text+":*' shows what there is")
		if len(all) == 0 {
			fix = "it was built without any: probe its functions, p:" + s.Library.Text + ":function()"
		}
		return s.At(s.Name.Range, fix, "%s has no static probe %s", at.Path, p.Function)
	}
	for _, l := range p.static[1:] {
		if l.Provider != p.static[0].Provider {
			return s.At(s.Name.Range, "", "%s has probes %s of several providers: %s and %s", at.Path, p.Function, p.static[0].Provider, l.Provider)
		}
	}
	p.Scope.Func = staticSignature(p.static)
	p.Scope.MaxArgs = len(p.Scope.Func.Params)
	return nil
}

// staticSignature names the arguments arg1, arg2 and so on. Of an argument that has
// several sizes in several places, it is the largest.
func staticSignature(places []usdt.Location) *ctype.Func {
	fn := &ctype.Func{Result: ctype.VoidType}
	for _, l := range places {
		for i, a := range l.Args {
			if i == len(fn.Params) {
				fn.Params = append(fn.Params, ctype.Param{Name: fmt.Sprintf("arg%d", i+1), Type: ctype.UChar})
			}
			if a.Err == nil && a.Size >= fn.Params[i].Type.Size() {
				fn.Params[i].Type = integer(a.Size, a.Signed)
			}
		}
	}
	return fn
}

func integer(size int, signed bool) ctype.Type {
	t := map[int][2]ctype.Type{1: {ctype.UChar, ctype.SChar}, 2: {ctype.UShort, ctype.Short}, 4: {ctype.UInt, ctype.IntType}, 8: {ctype.ULong, ctype.Long}}[size]
	if signed {
		return t[1]
	}
	return t[0]
}
