package policy

import (
	"fmt"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestCoversPairs(t *testing.T) {
	for _, c := range []struct {
		allow, deny string
		covered     bool
	}{
		{"file: {paths: /a}", "file: {paths: /a}", true},
		{"file: {paths: /a}, view: task", "file: {paths: /a}, view: host", false},
		{"file: {paths: /a}, view: host", "file: {paths: /a}", true},
		{"file: {paths: /a}", "file: {paths: /a}, identity: inode", false},
		{`file: {paths: "/a/*"}`, `file: {paths: "/*"}`, false},
		{`file: {paths: "/a/**"}`, `file: {paths: "/a/*"}`, false},
		{`file: {paths: "*.key"}`, `file: {paths: "/**"}`, true},
		{`file: {paths: "**/a.key"}`, `file: {paths: "*.key"}`, true},
		{`file: {paths: "*.key"}`, `file: {paths: "**/a.key"}`, false},
		{"file: {paths: [/a, /b]}", "file: {paths: [/b, /c, /a]}", true},
		{"file: {paths: /a, access: read}", "file: {paths: /a, access: read, owner: own}", false},
		{"exec: {paths: /a, loader: true}", "exec: {paths: /a, loader: false}", false},
		{"exec: {paths: /a}", "exec: {paths: /a, loader: false}", true},
		{"exec: {fileless: true}", `exec: {paths: "/**"}`, true},
		{"exec: {fileless: true}", `exec: {paths: "/tmp/**"}`, false},
		{"exec: {no_args: true}", "exec: {fileless: true}", false},
		{"connect: {to: 10.0.0.0/8}", "connect: {to: 10.0.0.0/16}", false},
		{"connect: {to: 10.0.0.0/16}", "connect: {to: 10.0.0.0/8}", true},
		{"connect: {}", `connect: {to: ["0.0.0.0/0", "::/0"]}`, false},
		{"connect: {}", `connect: {to: ["0.0.0.0/0", "::/0"], unix: /a}`, false},
		{"connect: {proto: [tcp, udp, other], ports: 0-65535}", `connect: {to: ["0.0.0.0/0", "::/0"]}`, true},
		{"connect: {unix: /a}", "connect: {}", true},
		{"connect: {unix: /a}", "connect: {proto: tcp}", false},
		{"connect: {unix: /a}", `connect: {unix: "/**"}`, true},
		{`connect: {unix: "@a"}`, `connect: {unix: "/**"}`, false},
		{"bind: {}", `bind: {to: ["0.0.0.0/0", "::/0"], unix: /a}`, false},
		{"bind: {ports: 1-9}", "bind: {ports: [5-9, 1-4]}", true},
		{"bind: {ports: 1-9}", "bind: {ports: [6-9, 1-4]}", false},
		{"socket: {families: alg}", "socket: {}", true},
		{"socket: {}", "socket: {families: alg}", false},
		{"socket: {types: raw}", "socket: {families: alg, types: raw}", false},
		{"mount: {targets: /a}", `mount: {targets: "/**", ops: new}`, false},
		{"mount: {targets: /a, ops: new}", `mount: {targets: "/**"}`, true},
		{"mount: {fstype: tmpfs}", "mount: {fstype: [ext4, tmpfs]}", true},
		{"mount: {}", "mount: {fstype: tmpfs}", false},
		{"setuid: {to: 1-5}", "setuid: {to: 0-9}", true},
		{"setuid: {to: root}", "setuid: {to: 0-9}", false},
		{"setuid: {to: root}", "setuid: {to: root}", true},
		{"setuid: {via: [setuid, capset]}", "setuid: {}", false},
	} {
		p := parse(t, fmt.Sprintf("rules:\n  - {id: a, subject: all, action: allow, %s}\n  - {id: d, subject: all, action: deny, %s}\n",
			c.allow, c.deny))[0]
		allow, deny := ruleOf{p, p.Rules[0]}, ruleOf{p, p.Rules[1]}
		for class := range Classes {
			if _, _, ok := allow.block(class); ok {
				qt.Check(t, qt.Equals(deny.covers(allow, class), c.covered), qt.Commentf("%s in %s", c.allow, c.deny))
			}
		}
	}
}
