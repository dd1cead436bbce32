package policy

import (
	"net/netip"
	"testing"
)

func connect(addr string, proto Proto) Operation {
	return Operation{Task: by("/bin/nc"), Class: ClassConnect, Addr: netip.MustParseAddrPort(addr), Proto: proto}
}

func bind(addr string) Operation {
	return Operation{Task: by("/bin/nc"), Class: ClassBind, Addr: netip.MustParseAddrPort(addr), Proto: TCP}
}

func TestConnect(t *testing.T) {
	unix := func(path string) Operation {
		return Operation{Task: by("/x"), Class: ClassConnect, Unix: true, Path: path}
	}
	check(t, `
rules:
  - {id: net, subject: all, action: deny, connect: {to: [10.0.0.0/8, "fd00::/8", 127.1.2.3]}}
  - {id: mail, subject: all, action: deny, connect: {ports: [25, 1000-1999], proto: tcp}}
  - {id: local, subject: all, action: deny, connect: {to: [127.0.0.1, "::1"], ports: 80}}
  - {id: docker, subject: all, action: deny, connect: {unix: [/run/docker.sock, "@secret"]}}
  - {id: everything, subject: {exe: /all}, action: deny, connect: {}}
`, []explainCase{
		{connect("10.0.0.0:1", TCP), "deny net"},
		{connect("10.255.255.255:1", UDP), "deny net"},
		{connect("11.0.0.0:1", TCP), "allow"},
		{connect("9.255.255.255:1", TCP), "allow"},
		{connect("[::ffff:10.1.1.1]:1", OtherProto), "deny net"},
		{connect("[fdff::1%eth0]:1", TCP), "deny net"},
		{connect("[fe00::1]:1", TCP), "allow"},
		{connect("127.1.2.3:1", TCP), "deny net"},
		{connect("192.0.2.1:25", TCP), "deny mail"},
		{connect("192.0.2.1:25", UDP), "allow"},
		{connect("192.0.2.1:1999", TCP), "deny mail"},
		{connect("192.0.2.1:2000", TCP), "allow"},
		{connect("0.0.0.0:80", TCP), "deny local"},
		{connect("[::]:80", TCP), "deny local"},
		{connect("[::ffff:0.0.0.0]:80", TCP), "deny local"},
		{unix("/run/docker.sock"), "deny docker"},
		{unix("@secret"), "deny docker"},
		{unix("/run/x"), "allow"},
		{unix(""), "deny docker"},
		{with(unix("@x"), func(op *Operation) { op.Task.Exe = "/all" }), "deny everything"},
		{with(connect("192.0.2.1:1", UDP), func(op *Operation) { op.Task.Exe = "/all" }), "deny everything"},
	})
}

func TestBind(t *testing.T) {
	check(t, `
subjects: {web: {exe: /web}, high: {exe: /high}, zero: {exe: /zero}, part: {exe: /part}}
defaults: {web: {bind: deny}, high: {bind: deny}, zero: {bind: deny}, part: {bind: deny}}
rules:
  - {id: web, subject: web, action: allow, bind: {ports: [80, 443]}}
  - {id: high, subject: high, action: allow, bind: {ports: [50000-65535, 1024-49999]}}
  - {id: zero, subject: zero, action: allow, bind: {ports: 0}}
  - {id: part, subject: part, action: allow, bind: {ports: [32768-50000]}}
  - {id: one, subject: {exe: /bin/nc}, action: deny, bind: {ports: 40000, to: "::"}}
  - {id: low, subject: {exe: /bin/nc}, action: deny, bind: {ports: 1-1023, to: 0.0.0.0}}
  - {id: logs, subject: web, action: allow, bind: {unix: ["/run/web/*", "@**"]}}
`, []explainCase{
		{with(bind("0.0.0.0:80"), func(op *Operation) { op.Task.Exe = "/web" }), "allow web"},
		{with(bind("[::]:443"), func(op *Operation) { op.Task.Exe = "/web" }), "allow web"},
		{with(bind("[::]:81"), func(op *Operation) { op.Task.Exe = "/web" }), "deny default web"},
		{with(bind("[::]:0"), func(op *Operation) { op.Task.Exe = "/web" }), "deny default web"},
		{with(bind("[::]:0"), func(op *Operation) { op.Task.Exe = "/high" }), "allow high"},
		{with(bind("[::]:0"), func(op *Operation) { op.Task.Exe = "/zero" }), "allow zero"},
		{with(bind("[::]:40000"), func(op *Operation) { op.Task.Exe = "/zero" }), "deny default zero"},
		{with(bind("[::]:0"), func(op *Operation) { op.Task.Exe = "/part" }), "deny default part"},
		{with(bind("[::]:0"), func(op *Operation) { op.Task.Exe, op.Ephemeral = "/part", PortRange{First: 32768, Last: 50000} }), "allow part"},
		{bind("[::]:0"), "deny one"},
		{bind("0.0.0.0:0"), "allow"},
		{with(bind("[::]:0"), func(op *Operation) { op.Ephemeral = PortRange{First: 41000, Last: 50000} }), "allow"},
		{bind("0.0.0.0:1023"), "deny low"},
		{bind("[::ffff:0.0.0.0]:1"), "deny low"},
		{bind("127.0.0.1:1"), "allow"},
		{Operation{Task: by("/web"), Class: ClassBind, Unix: true, Path: "/run/web/s"}, "allow logs"},
		{Operation{Task: by("/web"), Class: ClassBind, Unix: true, Path: "/run/s"}, "deny default web"},
		{Operation{Task: by("/web"), Class: ClassBind, Unix: true, Path: "@"}, "allow logs"},
	})
}
