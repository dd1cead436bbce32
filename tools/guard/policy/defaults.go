package policy

import (
	"github.com/goccy/go-yaml/ast"
)

// defaults reads what holds where no rule applies.
func (d *decoder) defaults(n ast.Node, p *Policy) {
	subjects := d.pairs(n, "defaults")
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) == 0 {
		d.add(d.pos(n), "defaults is empty; leave the key out")
	}
	for _, subject := range subjects {
		pairs := d.pairs(subject.value, "a default")
		if m, ok := subject.value.(*ast.MappingNode); ok && len(m.Values) == 0 {
			d.add(d.pos(subject.value), "the defaults of %s are empty; leave the key out", quote(subject.key.S))
		}
		var named Access // in keys of their own
		for _, pair := range pairs {
			for _, w := range classKeys {
				if w.name == pair.key.S && w.value.Access != AccessAll {
					named |= w.value.Access
				}
			}
		}
		for _, pair := range pairs {
			d.class(pair, subject.key, named, p)
		}
	}
}

// class reads the default of one class. Where single accesses have keys of their own
// beside file, file is about the others.
func (d *decoder) class(pair pair, subject Text, named Access, p *Policy) {
	for _, w := range classKeys {
		if w.name != pair.key.S {
			continue
		}
		def := w.value
		def.Subject, def.Pos = subject, pair.key.Pos
		var ok bool
		if def.Action, ok = choice(d, pair.value, "the default of "+w.name, actions); !ok {
			return
		}
		if def.Access != AccessAll || named == 0 {
			p.Defaults = append(p.Defaults, def)
			return
		}
		for _, single := range accesses {
			if single.value&named == 0 {
				def.Access = single.value
				p.Defaults = append(p.Defaults, def)
			}
		}
		return
	}
	d.add(pair.key.Pos, "unknown class %s; a default is for %s", quote(pair.key.S), choices(names(classKeys)))
}
