package check

import (
	"strings"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/names"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// name is a parameter, or a constant.
func (c *checker) name(x *spec.Name) (operand, error) {
	if p := c.param(x.Name); p != nil {
		return c.argument(x, p)
	}
	switch x.Name {
	case "args":
		if c.scope.Fields != nil {
			return operand{}, c.fail(x, "take a field of it: args->"+c.firstField(), "args as a whole has no value")
		}
		return operand{}, c.fail(x, "", "only tracepoints have args")
	case "ctx":
		if c.scope.Registers != nil {
			return operand{}, c.fail(x, "take a register: ctx->"+c.scope.Registers.MemberNames()[0], "ctx as a whole has no value")
		}
		return operand{}, c.fail(x, "", "only functions have registers to see in ctx")
	}
	if v, t, ok := c.scope.Types.Constant(x.Name); ok {
		return operand{typ: t, node: &tree.Const{Value: tree.Wrap(v, t), T: t}}, nil
	}
	return operand{}, c.unknown(x)
}

func (c *checker) firstField() string {
	if names := c.scope.Fields.MemberNames(); len(names) > 0 {
		return names[0]
	}
	return "field"
}

// unknown tells what may have been meant.
func (c *checker) unknown(x *spec.Name) error {
	if c.scope.Fields != nil {
		if _, ok := c.scope.Fields.Member(x.Name); ok {
			return c.fail(x, "write args->"+x.Name, "unknown name %s", x.Name)
		}
	}
	var known []string
	for _, p := range c.args {
		known = append(known, p.Name)
	}
	fix := ""
	if near := names.Nearest(x.Name, known); near != "" && x.Name != "" {
		fix = "did you mean " + near + "?"
	} else if c.scope.ConstantNames != nil {
		if near := names.Nearest(x.Name, c.scope.ConstantNames()); near != "" && len(x.Name) > 3 {
			fix = "did you mean " + near + "?"
		}
	}
	if fix == "" && len(known) > 0 && strings.Join(known, "") != "" {
		fix = "the parameters are " + strings.Join(known, ", ")
	}
	if fix == "" && c.scope.MaxArgs > 0 {
		fix = "name the parameters in the signature: " + c.spec.Name.Text + "(size_t size)"
	}
	return c.fail(x, fix, "unknown name %s", x.Name)
}

// argument is a parameter. At the return of a function it is what it was at its
// entry.
func (c *checker) argument(at piece, p *param) (operand, error) {
	if p.Type == nil {
		return operand{}, c.fail(at, "give it one in the signature", "the type of %s is not known", p.Name)
	}
	if p.slot >= c.scope.MaxArgs {
		return operand{}, c.fail(at, "", "%s is an argument that is passed on the stack, where it is not looked for", p.Name)
	}
	in := &tree.Input{Source: tree.Arg, Index: p.slot, T: p.Type}
	if c.spec.Kind == spec.Return {
		in.Source = tree.Saved
		c.save(p.slot)
	}
	if _, ok := ctype.Underlying(p.Type).(*ctype.Struct); ok {
		if size := p.Type.Size(); size == 0 || size > 8 {
			return operand{}, c.fail(at, "", "%s is passed by value, with %d bytes: only up to 8 are understood", p.Name, size)
		}
		in.T = ctype.ULong
		return operand{typ: p.Type, place: &place{whole: in, space: c.scope.Space}}, nil
	}
	if !ctype.IsScalar(p.Type) {
		return operand{}, c.fail(at, "", "%s has type %s, which cannot be computed with", p.Name, p.Type)
	}
	return operand{typ: p.Type, node: in}, nil
}

// save remembers that an argument is needed at the return.
func (c *checker) save(slot int) {
	at := 0
	for at < len(c.out.Saved) && c.out.Saved[at] < slot {
		at++
	}
	if at < len(c.out.Saved) && c.out.Saved[at] == slot {
		return
	}
	c.out.Saved = append(c.out.Saved[:at], append([]int{slot}, c.out.Saved[at:]...)...)
}

// field is a field of a tracepoint's record.
func (c *checker) field(x *spec.Member) (operand, error) {
	o := operand{typ: c.scope.Fields, place: &place{context: true, space: ctype.Kernel}}
	o, err := c.memberOf(x, o)
	if err != nil {
		return o, err
	}
	const hidden = 8 * 8 // bits
	if o.place.offset < hidden {
		return o, c.fail(x.Name, "for the process there are $PID and $TID", "%s lies where the kernel lets no program look", x.Name.Text)
	}
	if d, ok := c.scope.Data[x.Name.Text]; ok {
		o.place = &place{data: &d, space: ctype.Kernel}
	}
	c.out.Context = true
	return o, nil
}

// register is a register of the processor.
func (c *checker) register(x *spec.Member) (operand, error) {
	o := operand{typ: c.scope.Registers, place: &place{context: true, space: c.scope.Space}}
	o, err := c.memberOf(x, o)
	c.out.Context = true
	return o, err
}

// variables of ours that are numbers.
var variables = map[string]struct {
	source tree.Source
	typ    ctype.Type
}{
	"PID": {tree.PID, ctype.UInt}, "TID": {tree.TID, ctype.UInt}, "UID": {tree.UID, ctype.UInt}, "GID": {tree.GID, ctype.UInt},
	"CGROUP": {tree.Cgroup, ctype.ULong}, "CPU": {tree.CPU, ctype.UInt},
	"KSTACK": {tree.Stack, ctype.Long}, "USTACK": {tree.UserStack, ctype.Long},
}

func (c *checker) variable(x *spec.Variable) (operand, error) {
	if v, ok := variables[x.Name]; ok {
		return operand{typ: v.typ, node: &tree.Input{Source: v.source, T: v.typ}}, nil
	}
	switch x.Name {
	case "COMM":
		return operand{typ: textType, text: &tree.Text{Size: commSize, Space: ctype.Kernel}}, nil
	case "retval", "latency", "entry":
		if c.spec.Kind != spec.Return {
			return operand{}, c.fail(x, "probe the return of the function: r instead of p", "there is $%s only at the return of a function", x.Name)
		}
	}
	switch x.Name {
	case "retval":
		return c.result(x)
	case "latency":
		c.out.Latency = true
		return operand{typ: ctype.ULong, node: &tree.Input{Source: tree.Latency, T: ctype.ULong}}, nil
	case "entry":
		p := c.param(x.Arg.Name)
		if p == nil {
			return operand{}, c.unknown(x.Arg)
		}
		return c.argument(x.Arg, p)
	}
	all := []string{"COMM", "retval", "latency", "entry"}
	for name := range variables {
		all = append(all, name)
	}
	fix := "there are $PID, $TID, $COMM, $UID, $GID, $CGROUP, $CPU, $KSTACK, $USTACK, $retval, $latency and $entry(x)"
	for _, known := range all {
		if strings.EqualFold(known, x.Name) {
			fix = "write $" + known
		}
	}
	return operand{}, c.fail(x, fix, "unknown variable $%s", x.Name)
}

// result is what the function returns. Of a function of which nothing is known, it
// is what fits into a register, as in bcc.
func (c *checker) result(x piece) (operand, error) {
	t := ctype.Type(ctype.ULong)
	if c.scope.Func != nil && c.scope.Func.Result != nil {
		t = c.scope.Func.Result
		switch ctype.Underlying(t).(type) {
		case *ctype.Void:
			return operand{}, c.fail(x, "", "%s returns nothing", c.spec.Name.Text)
		case *ctype.Struct, *ctype.Float:
			return operand{}, c.fail(x, "", "%s returns %s, which cannot be computed with", c.spec.Name.Text, t)
		}
	}
	return operand{typ: t, node: &tree.Input{Source: tree.Result, T: t}}, nil
}
