package probe

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/ringside-tools/ringside/internal/btfprog"
	"github.com/ringside-tools/ringside/tools/argdist/kernel"
)

// moduleTypes are the types of a module that is loaded, with the kernel's (5.11).
func (h *Host) moduleTypes(name string) (*kernel.Types, error) {
	if types, ok := h.modules[name]; ok {
		return types, nil
	}
	if h.BTF != "" {
		return nil, fmt.Errorf("type information of module %s goes with this kernel's own, which it does not have", name)
	}
	base, err := h.Types()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(h.btfDir, filepath.Base(name)))
	if err != nil {
		return nil, fmt.Errorf("type information of module %s: %w", name, err)
	}
	defer f.Close()
	types, err := base.Module(f)
	if err != nil {
		return nil, fmt.Errorf("read type information of module %s: %w", name, err)
	}
	h.modules[name] = types
	return types, nil
}

// findInModule finds a function of a module: its types if the module has them, else
// that it is there. It reports false if no module has it.
func (h *Host) findInModule(p *Place) (bool, error) {
	modules := h.modulesWith(p.Function)
	switch len(modules) {
	case 0:
		return false, nil
	case 1:
	default:
		s := p.spec
		return true, s.At(s.Name.Range, "", "modules %s have a function %s each: which is meant cannot be said", strings.Join(modules, " and "), p.Function)
	}
	p.module = modules[0]
	types, err := h.moduleTypes(p.module)
	if err != nil {
		return true, nil // a kprobe goes by the name alone
	}
	p.Scope.Types = h.inKernel(types)
	if fn, err := types.Function(p.Function); err == nil {
		p.typed, p.Scope.Func, p.Scope.Slots = true, fn, slots(fn)
	}
	return true, nil
}

// target is what a program is loaded for that attaches to a function by its type
// information. The caller closes the module, if it is of one.
func (h *Host) target(p *Place) (t btfprog.Target, err error) {
	if h.BTF != "" {
		return t, fmt.Errorf("this kernel has no type information of its own, which programs attach by")
	}
	types, err := h.Types()
	if p.module != "" {
		types, err = h.moduleTypes(p.module)
	}
	if err != nil {
		return t, err
	}
	if t.Function, err = types.FunctionID(p.Function); err != nil || p.module == "" {
		return t, err
	}
	t.Module, err = openModule(p.module)
	return t, err
}

// openModule asks the kernel for the type information of a module, which takes
// CAP_SYS_ADMIN.
func openModule(name string) (*btf.Handle, error) {
	h, err := btf.FindHandle(func(i *btf.HandleInfo) bool { return i.IsModule() && i.Name == name })
	if err != nil {
		return nil, fmt.Errorf("open type information of module %s: %w", name, err)
	}
	return h, nil
}

// listModules lists the functions of modules that match, each with its module behind
// it. A module without type information has only their names.
func (h *Host) listModules(match func(string) bool) ([]string, error) {
	var out []string
	typed := make(map[string]bool)
	entries, err := os.ReadDir(h.btfDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list modules: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if name == "vmlinux" {
			continue
		}
		types, err := h.moduleTypes(name)
		if err != nil {
			continue // its functions have names nevertheless
		}
		typed[name] = true
		for _, f := range types.Functions(match) {
			out = append(out, signature(types, f)+" ["+name+"]")
		}
	}
	h.symbols(func(name, module string) {
		if module != "" && !typed[module] && match(name) {
			out = append(out, name+" ["+module+"]")
		}
	})
	return out, nil
}

// signature is that of a function, or why it cannot be said.
func signature(types *kernel.Types, name string) string {
	fn, err := types.Function(name)
	if err != nil {
		return fmt.Sprintf("%s: %v", name, err)
	}
	return fn.String()
}

// inKallsyms reports whether the kernel itself has a function of that name, types or
// not.
func (h *Host) inKallsyms(function string) (found bool) {
	h.symbols(func(name, module string) { found = found || module == "" && name == function })
	return found
}

// modulesWith lists the modules that have a function of that name, if the kernel
// itself has none.
func (h *Host) modulesWith(function string) (modules []string) {
	inKernel := false
	h.symbols(func(name, module string) {
		switch {
		case name != function:
		case module == "":
			inKernel = true
		case !slices.Contains(modules, module):
			modules = append(modules, module)
		}
	})
	if inKernel {
		return nil
	}
	return modules
}

// symbols calls f with the functions that the kernel lists, and with the module of
// each, "" for the kernel itself.
func (h *Host) symbols(f func(name, module string)) {
	file, err := os.Open(h.kallsyms)
	if err != nil {
		return
	}
	defer file.Close()
	in := bufio.NewScanner(file)
	for in.Scan() {
		fields := strings.Fields(in.Text()) // address, type, name, [module]
		if len(fields) < 3 || !strings.ContainsAny(fields[1], "tTwW") {
			continue
		}
		module := ""
		if len(fields) > 3 {
			module = strings.Trim(fields[3], "[]")
		}
		if module == "bpf" || strings.HasPrefix(module, "__builtin") {
			continue // what the kernel has made itself, to which no probe goes
		}
		f(fields[2], module)
	}
}
