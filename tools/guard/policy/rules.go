package policy

import (
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

var (
	views      = []word[View]{{"host", ViewHost}, {"task", ViewTask}}
	identities = []word[Identity]{{"path", ByPath}, {"inode", ByInode}, {"both", ByBoth}}
	auditOnly  = []word[bool]{{"audit", true}}
	signals    = []word[bool]{{"KILL", true}}
)

// blocks are the kinds of objects that a rule can be about.
var blocks = []string{"file", "exec", "connect", "bind", "socket", "mount", "setuid"}

var ruleKeys = append([]string{"id", "subject", "action", "mode", "message", "identity", "view", "signal"}, blocks...)

// maxMessage is the length of a rule's message, in bytes.
const maxMessage = 256

// rule reads a rule.
func (d *decoder) rule(n ast.Node, p *Policy) *Rule {
	f := d.fields(n, "a rule", ruleKeys...)
	if len(f) == 0 {
		if m, ok := n.(*ast.MappingNode); ok && len(m.Values) == 0 {
			d.add(d.pos(n), "the rule is empty")
		}
		return nil
	}
	r := &Rule{Pos: d.pos(n)}
	if id, ok := f["id"]; !ok {
		d.add(r.Pos, `the rule has no id; alerts tell it: "id: NAME"`)
	} else if t, ok := d.id(id, "the id of a rule"); ok {
		r.ID = t.S
		d.unique(t)
	}
	if subject, ok := f["subject"]; ok {
		r.Subject = d.selector(subject, p)
	} else {
		d.add(r.Pos, "the rule has no subject; all is every task")
	}
	if action, ok := f["action"]; ok {
		r.Action, _ = choice(d, action, "the action", actions)
	} else {
		d.add(r.Pos, "the rule has no action; it is allow or deny")
	}
	d.ruleSettings(f, r)
	d.blocks(f, r)
	return r
}

// ruleSettings reads what changes how a rule works, and refuses what would change
// nothing.
func (d *decoder) ruleSettings(f fields, r *Rule) {
	if mode, ok := f["mode"]; ok {
		if t, ok := mode.(*ast.StringNode); ok && t.Value == "enforce" {
			d.add(d.pos(mode), "a rule can only be weaker than its policy; leave the mode out, or make it audit")
		} else {
			r.Audit, _ = choice(d, mode, "the mode of a rule", auditOnly)
		}
	}
	if message, ok := f["message"]; ok {
		r.Message = d.message(message)
	}
	if identity, ok := f["identity"]; ok {
		r.Identity, _ = choice(d, identity, "the identity", identities)
		if f["file"] == nil && f["exec"] == nil {
			d.add(d.pos(identity), "the identity is that of files, and the rule has neither file nor exec")
		}
	}
	if view, ok := f["view"]; ok {
		r.View, _ = choice(d, view, "the view", views)
		if f["file"] == nil && f["exec"] == nil && f["mount"] == nil && f["connect"] == nil && f["bind"] == nil {
			d.add(d.pos(view), "the view is that of paths, and the rule has none")
		}
	}
	if signal, ok := f["signal"]; ok {
		r.Kill, _ = choice(d, signal, "the signal", signals)
		if r.Action == Allow {
			d.add(d.pos(signal), "only who is denied is killed; leave the signal out, or make the action deny")
		}
	}
}

// message reads the text that goes into alerts as it is.
func (d *decoder) message(n ast.Node) string {
	t, ok := d.text(n, "the message")
	switch {
	case !ok:
	case t.S == "":
		d.add(t.Pos, "the message is empty; leave the key out")
	case len(t.S) > maxMessage:
		d.add(t.Pos, "the message has more than %d bytes", maxMessage)
	case strings.ContainsFunc(t.S, func(r rune) bool { return !unicode.IsPrint(r) }):
		d.add(t.Pos, "the message is one line of visible characters, not %s", quote(t.S))
	}
	return t.S
}

// blocks reads what a rule is about.
func (d *decoder) blocks(f fields, r *Rule) {
	found := false
	for _, name := range blocks {
		n, ok := f[name]
		if !ok {
			continue
		}
		found = true
		switch name {
		case "file":
			r.File = d.fileBlock(n, r)
		case "exec":
			r.Exec = d.execBlock(n, r)
		case "connect":
			to, ports, proto, unix := d.addresses(n, "connect")
			r.Connect = &Connect{To: to, Ports: ports, Proto: proto, Unix: unix, Pos: d.pos(n)}
		case "bind":
			to, ports, proto, unix := d.addresses(n, "bind")
			r.Bind = &Bind{To: to, Ports: ports, Proto: proto, Unix: unix, Pos: d.pos(n)}
		case "socket":
			r.Socket = d.socketBlock(n)
		case "mount":
			r.Mount = d.mountBlock(n)
		case "setuid":
			r.Setuid = d.setuidBlock(n)
		}
	}
	if !found {
		d.add(r.Pos, "the rule is about nothing; give it %s", choices(blocks))
	}
}
