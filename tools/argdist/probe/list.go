package probe

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/usdt"
)

// ListFunctions lists the functions of the kernel and of its modules that match, with
// their signatures.
func (h *Host) ListFunctions(pattern string) ([]string, error) {
	types, err := h.Types()
	if err != nil {
		return nil, err
	}
	match := Matcher(pattern)
	var out []string
	for _, name := range types.Functions(match) {
		out = append(out, signature(types, name))
	}
	inModules, err := h.listModules(match)
	return append(out, inModules...), err
}

// ListTracepoints lists those that match with their fields. Without a colon the
// pattern is that of a category.
func (h *Host) ListTracepoints(pattern string) ([]string, error) {
	fs, err := h.Tracefs()
	if err != nil {
		return nil, err
	}
	if !strings.Contains(pattern, ":") {
		pattern += ":*"
	}
	found, err := fs.Tracepoints(Matcher(pattern))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, full := range found {
		category, name, _ := strings.Cut(full, ":")
		tp, err := fs.Tracepoint(category, name)
		if err != nil {
			continue // some cannot be probed: they have no number
		}
		r, err := ParseFormat(tp.Format, h.InKernel(), category == "syscalls")
		if err != nil {
			return nil, err
		}
		var fields []string
		for _, m := range r.Fields.Members() {
			if m.Offset >= 64 {
				fields = append(fields, ctype.Declare(m.Type, m.Name))
			}
		}
		out = append(out, fmt.Sprintf("t:%s(%s)", full, strings.Join(fields, ", ")))
	}
	return out, nil
}

// ListSymbols lists the functions of a program that match.
func (h *Host) ListSymbols(library, pattern string) ([]string, error) {
	at, err := symbol.FindLibrary(0, library)
	if err != nil {
		return nil, err
	}
	match := Matcher(pattern)
	all, err := at.Functions(func(name []byte) bool { return match(string(name)) })
	if err != nil {
		return nil, fmt.Errorf("read functions of %s: %w", at.Path, err)
	}
	p := &program{at: at}
	var out []string
	for _, f := range all {
		line := f.Name
		if f.Indirect {
			line += ": chooses one of several functions when a program starts"
		} else if info := p.debug(); info != nil {
			if fn, err := info.Function(f.Name, f.Address); err == nil {
				line = fn.String()
			}
		}
		out = append(out, line)
	}
	return out, nil
}

// ListStatic lists the static probes of a program that match.
func (h *Host) ListStatic(library, pattern string) ([]string, error) {
	at, err := symbol.FindLibrary(0, library)
	if err != nil {
		return nil, err
	}
	f, _, err := at.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	e, err := symbol.NewELF(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", at.Path, err)
	}
	all, err := usdt.Read(e)
	if err != nil && !errors.Is(err, usdt.ErrNone) {
		return nil, fmt.Errorf("read static probes of %s: %w", at.Path, err)
	}
	match := Matcher(pattern)
	var out []string
	for _, l := range all {
		if match(l.Name) {
			out = append(out, fmt.Sprintf("u:%s:%s() %s", library, l.Name, l.Text))
		}
	}
	return out, nil
}

// String says what is probed.
func (p *Place) String() string {
	what := map[spec.Kind]string{spec.Entry: "entry of", spec.Return: "return of", spec.Tracepoint: "tracepoint", spec.USDT: "static probe"}[p.spec.Kind]
	switch {
	case p.point != nil:
		return fmt.Sprintf("%s %s:%s", what, p.point.Category, p.point.Name)
	case p.program != nil:
		return fmt.Sprintf("%s %s of %s", what, p.Function, p.program.at.Path)
	}
	if p.module != "" {
		return fmt.Sprintf("%s %s of the kernel's module %s", what, p.Function, p.module)
	}
	return fmt.Sprintf("%s %s of the kernel", what, p.Function)
}

// Best returns the kind of hook that a probe would stand on if the kernel allows,
// and how it finds its values there.
func (h *Host) Best(p *Place, r Request) (string, *gen.Hook, error) {
	rungs, err := h.rungs(p, r)
	if err != nil {
		return "", nil, err
	}
	for _, one := range rungs {
		if strings.HasPrefix(one.name, h.Rung) {
			return one.name, one.parts[0].hook, nil
		}
	}
	return "", nil, noRung(p, h.Rung)
}
