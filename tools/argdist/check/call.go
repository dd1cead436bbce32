package check

import (
	"fmt"
	"strings"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// swaps are the functions that change the order of bytes. All machines that we
// run on have the least byte first.
var swaps = map[string]int{
	"ntohs": 2, "htons": 2, "ntohl": 4, "htonl": 4, "be16toh": 2, "be32toh": 4, "be64toh": 8, "htobe16": 2, "htobe32": 4, "htobe64": 8,
	"bpf_ntohs": 2, "bpf_htons": 2, "bpf_ntohl": 4, "bpf_htonl": 4, "be16_to_cpu": 2, "be32_to_cpu": 4, "be64_to_cpu": 8,
}

func (c *checker) call(x *spec.Call) (operand, error) {
	name := x.Func.Text
	if size, ok := swaps[name]; ok {
		return c.swap(x, size)
	}
	if name == "STRCMP" {
		return c.strcmp(x)
	}
	if reg, ok := c.scope.RegisterNames[name]; ok && c.scope.Registers != nil {
		return c.registerCall(x, reg)
	}
	fix := "there are STRCMP, ntohs, ntohl, htons, htonl and sizeof"
	if c.scope.Registers != nil {
		fix += ", and PT_REGS_PARM1(ctx) and its like"
	}
	return operand{}, c.fail(x.Func, fix, "unknown function %s", name)
}

func (c *checker) swap(x *spec.Call, size int) (operand, error) {
	if len(x.Args) != 1 {
		return operand{}, c.fail(x, "", "%s takes one number", x.Func.Text)
	}
	o, err := c.integer(x.Args[0])
	if err != nil {
		return o, err
	}
	t := unsigned(size)
	n := convertTo(o.node, t)
	if k, ok := n.(*tree.Const); ok {
		return operand{typ: t, node: &tree.Const{Value: tree.Reverse(k.Value, size), T: t}}, nil
	}
	return operand{typ: t, node: &tree.Swap{X: n, Size: size, T: t}}, nil
}

// registerCall is PT_REGS_PARM1(ctx) and its like. reg is a member of the
// registers: "di", or "regs[0]".
func (c *checker) registerCall(x *spec.Call, reg string) (operand, error) {
	ctx, ok := &spec.Name{}, len(x.Args) == 1
	if ok {
		ctx, ok = unwrap(x.Args[0]).(*spec.Name)
	}
	if !ok || ctx.Name != "ctx" {
		return operand{}, c.fail(x, fmt.Sprintf("write %s(ctx)", x.Func.Text), "%s takes ctx", x.Func.Text)
	}
	name, index, isIndex := strings.Cut(reg, "[")
	o, err := c.register(&spec.Member{X: ctx, Name: spec.Word{Text: name, Range: x.Func.Range}, Arrow: true, Range: x.Range})
	if err != nil || !isIndex {
		return o, err
	}
	var i int
	if _, err := fmt.Sscanf(index, "%d]", &i); err != nil {
		return o, c.fail(x, "", "no register %s", reg)
	}
	a, ok := ctype.Underlying(o.typ).(*ctype.Array)
	if !ok {
		return o, c.fail(x, "", "no register %s", reg)
	}
	p := *o.place
	p.offset += i * a.Elem.Size() * 8
	return operand{typ: a.Elem, place: &p}, nil
}
