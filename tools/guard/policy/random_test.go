package policy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// generator makes policies and operations out of so few things that they meet.
type generator struct{ *rand.Rand }

func (g generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) some(of ...string) string {
	var s []string
	for range 1 + g.IntN(2) {
		s = append(s, g.one(of...))
	}
	return "[" + strings.Join(s, ", ") + "]"
}

// maybe is a key that is there or not.
func (g generator) maybe(key, value string) string {
	if g.IntN(2) == 0 {
		return ""
	}
	return ", " + key + ": " + value
}

func (g generator) patterns() string {
	return g.some("/a", "/a/b", "/a/b/c.key", "/d", `"/a/*"`, `"/a/**"`, `"/**"`, `"/a/b/*"`, `"**/b"`, `"*.key"`, `"**/c.key"`)
}

func (g generator) addresses() string {
	return "{" + strings.TrimPrefix(g.maybe("to", g.some("10.0.0.0/8", "10.1.0.0/16", `"fd00::/8"`, "127.0.0.1", "0.0.0.0/0", `"::/0"`, "0.0.0.0"))+
		g.maybe("ports", g.some("0", "1-1023", "80", "1024-65535", "32768-60999", "0-65535"))+
		g.maybe("proto", g.some("tcp", "udp", "other"))+
		g.maybe("unix", g.some("/a", `"/a/**"`, `"@**"`, `"@a"`)), ", ") + "}"
}

func (g generator) rule(id int) string {
	action := g.one("allow", "deny")
	block := ""
	switch g.IntN(7) {
	case 0:
		block = "file: {paths: " + g.patterns() + g.maybe("access", g.some("read", "write", "create")) + g.maybe("owner", g.one("own", "other")) + "}"
	case 1:
		block = "exec: {paths: " + g.patterns() + g.maybe("fileless", "true") + g.maybe("no_args", "true") + g.maybe("loader", g.one("true", "false")) + "}"
	case 2:
		block = "connect: " + g.addresses()
	case 3:
		block = "bind: " + g.addresses()
	case 4:
		block = "socket: {" + strings.TrimPrefix(g.maybe("families", g.some("inet", "inet6", "packet"))+g.maybe("types", g.some("raw", "stream")), ", ") + "}"
	case 5:
		block = "mount: {" + strings.TrimPrefix(g.maybe("ops", g.some("new", "bind", "umount"))+g.maybe("fstype", g.some("tmpfs", "ext4"))+
			g.maybe("targets", g.some("/a", `"/a/*"`, `"/a/**"`, `"/**"`)), ", ") + "}"
	case 6:
		block = "setuid: {" + strings.TrimPrefix(g.maybe("to", g.some("0", "1-5", "0-9"))+g.maybe("via", g.some("setuid", "exec", "userns")), ", ") + "}"
	}
	subject := g.some("all", "all", "x", "y", "z", "init", "none", "{exe: /x}", "{uid: 1}")
	if g.IntN(3) == 0 {
		subject = "{any: " + subject + ", except: " + g.some("x", "y", "none", "init") + "}"
	}
	view := ""
	if strings.HasPrefix(block, "file") || strings.HasPrefix(block, "exec") {
		view = g.maybe("view", g.one("host", "task")) + g.maybe("identity", g.one("path", "inode", "both"))
	}
	mode := ""
	if g.IntN(5) == 0 {
		mode = ", mode: audit"
	}
	return fmt.Sprintf("  - {id: r%d, subject: %s, action: %s%s%s, %s}\n", id, subject, action, mode, view, block)
}

func (g generator) policies() string {
	var b strings.Builder
	id := 0
	for i := range 1 + g.IntN(2) {
		fmt.Fprintf(&b, "---\nversion: 1\nname: p%d\nmode: %s\non_unresolved: %s\n", i, g.one("audit", "enforce", "enforce"), g.one("deny", "allow"))
		b.WriteString("subjects: {x: {exe: /x}, y: {uid: 1}, z: {exe: [/x, /y], not: y, descendants: true}}\n")
		fmt.Fprintf(&b, "defaults: {%s: {%s: deny}}\nrules:\n", g.one("all", "x", "init"),
			g.one("file", "read", "exec", "connect", "bind", "socket", "mount", "setuid"))
		for range 1 + g.IntN(6) {
			b.WriteString(g.rule(id))
			id++
		}
	}
	return b.String()
}

func (g generator) operation() Operation {
	bit := func(n int) int { return 1 << g.IntN(n) }
	op := Operation{
		Task:  Task{Exe: g.one("/x", "/y", "/w", ""), UID: uint32(g.IntN(3)), Init: g.IntN(8) == 0, OtherNS: g.IntN(4) == 0},
		Class: Class(g.IntN(int(Classes))), Path: g.one("/a", "/a/b", "/a/b/c.key", "/d", "/a/e", "/", ""), OtherNS: g.IntN(4) == 0,
		Access: Access(bit(3)), OwnFile: g.IntN(2) == 0, Fileless: g.IntN(4) == 0, NoArgs: g.IntN(4) == 0,
		Proto: Proto(bit(3)), Family: []uint16{2, 10, 17}[g.IntN(3)], SocketType: g.one("raw", "stream"),
		MountOp: []MountOp{MountNew, MountBind, MountUmount}[g.IntN(3)], FSType: g.one("tmpfs", "ext4", ""),
		Via: []Via{ViaSetuid, ViaExec, ViaUserns}[g.IntN(3)], IDs: [][]uint32{nil, {0}, {3}, {0, 3}, {7}, {100}}[g.IntN(6)],
	}
	if g.IntN(3) == 0 {
		op.Task.Ancestors = []string{g.one("/x", "/y")}
	}
	addr := netip.MustParseAddr(g.one("10.1.2.3", "10.2.3.4", "fd00::1", "::ffff:10.1.1.1", "127.0.0.1", "0.0.0.0", "::"))
	op.Addr = netip.AddrPortFrom(addr, []uint16{0, 80, 1024, 40000}[g.IntN(4)])
	switch op.Class {
	case ClassExec:
		op.Access = []Access{Exec_, Load, Exec_ | Load}[g.IntN(3)]
	case ClassConnect, ClassBind:
		if op.Unix = g.IntN(3) == 0; op.Unix {
			op.Path = g.one("/a", "/a/b", "/d", "@a", "@b", "")
		}
	}
	return op
}

// TestRandom checks, for policies that nobody would write, what holds for all.
func TestRandom(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(7, 11))}
	shadowed, denied, told, allowed := 0, 0, 0, 0
	for range 2003 {
		text := g.policies()
		policies, err := Parse("p", []byte(text))
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", text))
		useless := make(map[string]bool)
		for _, f := range Check(policies, Options{}) {
			if f.Code == "shadowed" {
				name := strings.Fields(f.Msg)[2]
				useless[name] = true
				shadowed++
			}
		}
		var formatted []byte
		for _, p := range policies {
			formatted = append(append(formatted, "---\n"...), Format(p)...)
		}
		again, err := Parse("p", formatted)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", formatted))
		// The order of rules, of policies and of subjects means nothing.
		for _, p := range again {
			slices.Reverse(p.Rules)
			slices.Reverse(p.Subjects)
		}
		slices.Reverse(again)

		for range 101 {
			op := g.operation()
			v := Explain(policies, op)
			comment := qt.Commentf("%s\n%+v\n%s", text, op, outcome(v))
			qt.Assert(t, qt.IsFalse(v.Decision.Rule != nil && v.Decision.Rule.Action == Allow && useless[v.Decision.Rule.ID]), comment)
			w := Explain(again, op)
			qt.Assert(t, qt.Equals(v.Action, w.Action), comment)
			qt.Assert(t, qt.Equals(v.Mode, w.Mode), comment)
			qt.Assert(t, qt.Equals(len(v.Applies), len(w.Applies)), comment)
			switch {
			case v.Action == Deny:
				denied++
			case v.Mode == Audit:
				told++
			case v.Decision.Rule != nil:
				allowed++
			}
		}
	}
	// Policies that nothing meets would pass as well.
	t.Log(shadowed, denied, told, allowed)
	qt.Check(t, qt.IsTrue(shadowed > 50 && denied > 1000 && told > 1000 && allowed > 1000))
}

// TestCoversRandom checks of all pairs of rules of which one is said to be inside of
// the other that every operation is.
func TestCoversRandom(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(13, 17))}
	var b strings.Builder
	b.WriteString("rules:\n")
	for id := range 503 {
		b.WriteString(g.rule(id))
	}
	p := parse(t, "subjects: {x: {exe: /x}, y: {uid: 1}, z: {exe: [/x, /y], not: y, descendants: true}}\n"+b.String())[0]
	var ops [Classes][]Operation
	for range 5003 {
		op := g.operation()
		if op.Class == ClassExec && op.Access == Exec_|Load {
			op.Access = Load
		}
		ops[op.Class] = append(ops[op.Class], op)
	}
	// Of subjects, process 1 is one of all or not, which is no matter here.
	covered := make(map[Class]int)
	for _, allow := range p.Rules {
		for _, deny := range p.Rules {
			for class := range Classes {
				a, d := ruleOf{p, allow}, ruleOf{p, deny}
				_, _, inA := a.block(class)
				_, _, inD := d.block(class)
				if !inA || !inD || allow.Action != Allow || deny.Action != Deny || !d.covers(a, class) {
					continue
				}
				covered[class]++
				for _, op := range ops[class] {
					if op.Task.Init || !allow.about(&op, Deny) || !p.selects(allow.Subject, &op.Task, class) {
						continue
					}
					if !deny.about(&op, Deny) || !p.selects(deny.Subject, &op.Task, class) {
						t.Fatalf("%s\nis not inside of\n%s\n%+v", formatRule(p, allow).flow(), formatRule(p, deny).flow(), op)
					}
				}
			}
		}
	}
	t.Log(covered)
	for class := range Classes {
		qt.Check(t, qt.IsTrue(covered[class] > 5), qt.Commentf("class %d: %d", class, covered[class]))
	}
}
