package policy

import (
	"testing"

	"github.com/go-quicktest/qt"
)

func TestSocketMountSetuid(t *testing.T) {
	socket := func(family uint16, kind string) Operation {
		return Operation{Task: by("/x"), Class: ClassSocket, Family: family, SocketType: kind}
	}
	mount := func(op MountOp, fsType, target string) Operation {
		return Operation{Task: by("/x"), Class: ClassMount, MountOp: op, FSType: fsType, Path: target}
	}
	setuid := func(via Via, ids ...uint32) Operation {
		return Operation{Task: by("/x"), Class: ClassSetuid, Via: via, IDs: ids}
	}
	check(t, `
subjects: {x: {exe: /x}, y: {exe: /y}}
defaults: {y: {mount: deny, setuid: deny}}
rules:
  - {id: alg, subject: all, action: deny, socket: {families: alg}}
  - {id: raw, subject: all, action: deny, socket: {families: [inet, inet6], types: raw}}
  - {id: tmpfs, subject: x, action: deny, mount: {ops: new, fstype: tmpfs}}
  - {id: umount, subject: x, action: deny, mount: {ops: [umount, move], targets: "/mnt/**"}}
  - {id: yfs, subject: y, action: allow, mount: {fstype: ext4, targets: "/mnt/*"}}
  - {id: root, subject: x, action: deny, setuid: {to: [0, "1-9"], via: [setuid, exec, userns]}}
  - {id: drop, subject: y, action: allow, setuid: {to: 1000-1999}}
`, []explainCase{
		{socket(38, "seqpacket"), "deny alg"},
		{socket(10, "raw"), "deny raw"},
		{socket(17, "raw"), "allow"},
		{socket(2, "stream"), "allow"},
		{mount(MountNew, "tmpfs", "/a"), "deny tmpfs"},
		{mount(MountNew, "", "/a"), "deny tmpfs"},
		{mount(MountBind, "tmpfs", "/a"), "allow"},
		{mount(MountUmount, "", "/mnt/a/b"), "deny umount"},
		{mount(MountUmount, "", ""), "deny umount"},
		{mount(MountUmount, "", "/media"), "allow"},
		{mount(MountPivot, "", "/mnt"), "allow"},
		{with(mount(MountRemount, "ext4", "/mnt/a"), func(op *Operation) { op.Task.Exe = "/y" }), "allow yfs"},
		{with(mount(MountRemount, "", "/mnt/a"), func(op *Operation) { op.Task.Exe = "/y" }), "deny default y"},
		{with(mount(MountRemount, "ext4", ""), func(op *Operation) { op.Task.Exe = "/y" }), "deny default y"},
		{setuid(ViaSetuid, 0), "deny root"},
		{setuid(ViaSetuid, 1000, 9), "deny root"},
		{setuid(ViaSetuid, 10), "allow"},
		{setuid(ViaSetgid, 0), "allow"},
		{setuid(ViaUserns), "deny root"},
		{setuid(ViaExec), "deny root"},
		{with(setuid(ViaSetuid, 1000, 1999), func(op *Operation) { op.Task.Exe = "/y" }), "allow drop"},
		{with(setuid(ViaSetuid, 1000, 0), func(op *Operation) { op.Task.Exe = "/y" }), "deny default y"},
		{with(setuid(ViaExec), func(op *Operation) { op.Task.Exe = "/y" }), "deny default y"},
	})
}

func TestAudit(t *testing.T) {
	policies, err := Parse("p", []byte(`
version: 1
name: told
defaults: {all: {write: deny}}
rules:
  - {id: t, subject: all, action: deny, file: {paths: /both}}
  - {id: t2, subject: all, action: allow, file: {paths: /held, access: write}}
---
version: 1
name: held
mode: enforce
defaults: {all: {attr: deny}}
rules:
  - {id: h, subject: all, action: deny, file: {paths: [/both, /held]}}
  - {id: a, subject: all, action: deny, mode: audit, file: {paths: [/a, /ok]}}
  - {id: ok, subject: all, action: allow, file: {paths: [/ok, /fine]}}
`))
	qt.Assert(t, qt.IsNil(err))
	for _, c := range []explainCase{
		{open("/x", "/both", Read), "deny h"},
		{open("/x", "/held", Write), "deny h"},
		{open("/x", "/a", Read), "tell a"},
		{open("/x", "/ok", Read), "tell a"},
		{open("/x", "/fine", Write), "allow ok"},
		{open("/x", "/x", Write), "tell default all"},
		{open("/x", "/x", Read), "allow"},
		{open("/x", "/x", Read|Write), "tell default all"},
		{open("/x", "/x", Write|Attr), "deny default all"},
	} {
		qt.Check(t, qt.Equals(outcome(Explain(policies, c.op)), c.want), qt.Commentf("%+v", c.op))
	}

	v := Explain(policies, open("/x", "/both", Read|Write|Attr))
	var places []Position
	for _, d := range v.Applies {
		places = append(places, d.Pos())
	}
	qt.Check(t, qt.DeepEquals(places, []Position{{"p", 6, 5}, {"p", 4, 18}, {"p", 14, 5}, {"p", 12, 18}}))
	qt.Check(t, qt.Equals(v.Decision.Pos(), Position{"p", 14, 5}))
	qt.Check(t, qt.IsTrue(v.Decision.Enforced()))
	qt.Check(t, qt.IsFalse(v.Applies[0].Enforced()))

	v = Explain(policies, open("/x", "/x", Read))
	qt.Check(t, qt.DeepEquals(v, Verdict{Mode: Enforce}))
}
