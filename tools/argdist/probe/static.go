package probe

import (
	"fmt"
	"io"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
	"github.com/ringside-tools/ringside/tools/argdist/usdt"
)

// staticRung stands on the places of a static probe. Those that have their arguments
// in the same registers and at the same distance share a program.
func (p *Place) staticRung(r Request) (rung, error) {
	out := rung{name: "usdt", load: loadUprobe, targets: len(p.static)}
	spots := make(map[string][]spot)
	for _, l := range p.static {
		layout := l.Layout()
		if _, ok := spots[layout]; !ok {
			hook, err := staticHook(l, len(p.Scope.Func.Params))
			if err != nil {
				return out, err
			}
			out.parts = append(out.parts, part{
				hook: hook,
				attach: func(prog *ebpf.Program, _ bool) ([]io.Closer, error) {
					return p.attachTo(prog, spots[layout], false, r.PIDs)
				},
			})
		}
		spots[layout] = append(spots[layout], spot{l.Offset, l.Semaphore})
	}
	return out, nil
}

// staticHook has the arguments of a place.
func staticHook(l usdt.Location, args int) (*gen.Hook, error) {
	h := &gen.Hook{StackPointer: here().stack}
	for i := range args {
		if i >= len(l.Args) {
			return nil, fmt.Errorf("a place of %s:%s has only %d arguments", l.Provider, l.Name, len(l.Args))
		}
		if l.Args[i].Err != nil {
			return nil, fmt.Errorf("argument %d of %s:%s: %w", i+1, l.Provider, l.Name, l.Args[i].Err)
		}
		h.Args = append(h.Args, gen.Value{Node: staticArg(&l.Args[i])})
	}
	return h, nil
}

// staticArg is where an argument comes from.
func staticArg(a *usdt.Arg) tree.Node {
	t := integer(a.Size, a.Signed)
	switch a.Kind {
	case usdt.Const:
		return &tree.Const{Value: tree.Wrap(a.Value, t), T: t}
	case usdt.Reg:
		return &tree.Convert{X: register(a.Base, false), T: t}
	}
	address := tree.Node(&tree.Const{Value: a.Displacement, T: ctype.ULong})
	add := func(x tree.Node) {
		address = &tree.Binary{Op: "+", X: x, Y: address, T: ctype.ULong}
	}
	if a.Base != nil {
		add(register(a.Base, false))
	}
	if a.Index != nil {
		scale := &tree.Const{Value: max(1, a.Scale), T: ctype.ULong}
		add(&tree.Binary{Op: "*", X: register(a.Index, a.IndexSigned), Y: scale, T: ctype.ULong})
	}
	return &tree.Load{Address: address, Size: a.Size, Space: ctype.User, T: t}
}

// register is a register or a part of one, as a number of 64 bits.
func register(r *usdt.Register, signed bool) tree.Node {
	if r.Zero {
		return &tree.Const{T: ctype.ULong}
	}
	whole := word(r.Offset)
	if r.Size == 8 {
		return whole
	}
	part := &tree.Bits{X: whole, Shift: r.Shift, Width: 8 * r.Size, T: integer(r.Size, signed)}
	return &tree.Convert{X: part, T: ctype.ULong}
}
