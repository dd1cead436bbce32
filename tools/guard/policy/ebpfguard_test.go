package policy

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestFromEbpfguard(t *testing.T) {
	data, err := os.ReadFile("testdata/ebpfguard.yaml")
	qt.Assert(t, qt.IsNil(err))
	got, err := FromEbpfguard("dir/ebpfguard.yaml", data)
	qt.Assert(t, qt.IsNil(err))
	const golden = "testdata/ebpfguard.converted.yaml"
	if os.Getenv("UPDATE") != "" {
		qt.Assert(t, qt.IsNil(os.WriteFile(golden, got, 0o644)))
	}
	want, err := os.ReadFile(golden)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(string(got), string(want)))

	policies, err := Parse("p", got)
	qt.Assert(t, qt.IsNil(err))
	mount := func(exe string, op MountOp) Operation {
		return Operation{Task: by(exe), Class: ClassMount, MountOp: op, Path: "/mnt"}
	}
	as := func(exe string, op Operation) Operation {
		return with(op, func(op *Operation) { op.Task = by(exe) })
	}
	for _, c := range []explainCase{
		{open("/x", "/etc/shadow", Read), "deny file-open-1"},
		{open("/x", "/root/.ssh/id", Write), "deny file-open-1"},
		{open("/x", "/srv/b/c", Write), "deny file-open-1"},
		{open("/x", "/srv/b/c", Delete), "allow"},
		{open("/x", "/srv/c", Read), "allow"},
		{open("/usr/bin/cat", "/etc/hosts", Read), "allow file-open-2"},
		{open("/usr/bin/cat", "/etc/shadow", Read), "deny file-open-1"},
		{open("/usr/bin/cat", "/srv/c", Read), "deny default cat"},
		{mount("/x", MountNew), "deny sb-mount-1"},
		{mount("/usr/bin/mount", MountNew), "allow"},
		{mount("/usr/bin/mount", MountRemount), "deny sb-remount-1"},
		{mount("/x", MountUmount), "allow"},
		{mount("/opt/bin/cat", MountUmount), "deny sb-umount-1"},
		{Operation{Task: by("/usr/sbin/init"), Class: ClassSetuid, Via: ViaSetuid, IDs: []uint32{0}}, "deny task-fix-setuid-1"},
		{Operation{Task: by("/x"), Class: ClassSetuid, Via: ViaSetuid, IDs: []uint32{0}}, "allow"},
		{as("/x", bind("0.0.0.0:443")), "allow socket-bind-1"},
		{as("/x", bind("0.0.0.0:0")), "allow socket-bind-1"},
		{as("/x", bind("0.0.0.0:25")), "deny default all"},
		{as("/usr/bin/cat", bind("0.0.0.0:25")), "allow socket-bind-3"},
		{Operation{Task: by("/x"), Class: ClassBind, Unix: true, Path: "@x", OtherNS: true}, "allow socket-bind-2"},
		{as("/x", connect("192.0.2.2:1", UDP)), "deny socket-connect-1"},
		{as("/x", connect("192.0.2.3:1", UDP)), "allow"},
		{as("/usr/bin/mount", connect("192.0.2.3:1", UDP)), "deny socket-connect-2"},
		{Operation{Task: by("/usr/bin/mount"), Class: ClassConnect, Unix: true, Path: "/run/x", Addr: netip.AddrPort{}}, "allow"},
	} {
		qt.Check(t, qt.Equals(outcome(Explain(policies, c.op)), c.want), qt.Commentf("%+v", c.op))
	}
}

func TestEbpfguardErrors(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"", "1:1: no policy of ebpfguard in this file"},
		{"version: 1\n", `1:1: a file of ebpfguard is a list of policies such as "- !file_open", not a mapping`},
		{"- !setuid {subject: all, allow: true}\n",
			`1:3: a policy of ebpfguard has one of the tags !file_open, sb_mount, sb_remount, sb_umount, task_fix_setuid, socket_bind or socket_connect, not "!setuid"`},
		{"- {subject: all, allow: true}\n",
			`1:3: a policy of ebpfguard has one of the tags !file_open, sb_mount, sb_remount, sb_umount, task_fix_setuid, socket_bind or socket_connect, not ""`},
		{"- !sb_mount {subject: all, allow: all}\n", "1:35: allow is true or false, not a text"},
		{"- !sb_mount {subject: all}\n", "1:3: sb_mount has no allow"},
		{"- !sb_mount {subject: all, allow: true, deny: false}\n", `1:41: unknown key "deny"; sb_mount has subject and allow`},
		{"- !sb_mount {subject: /bin/cat, allow: true}\n", `1:23: the subject is all or !binary PATH, not "/bin/cat"`},
		{"- !sb_mount {subject: !binary cat, allow: true}\n", `1:31: "cat" is no absolute path`},
		{"- !sb_mount {subject: all, allow: true}\n", "1:1: nothing in this file denies anything"},
		{"- !file_open {subject: all, allow: all, deny: !ports [1]}\n", `1:47: the list is all or !paths [...], not something with the tag "!ports"`},
		{"- !file_open {subject: all, allow: all, deny: none}\n", `1:47: the list is all or !paths [...], not "none"`},
		{"- !file_open {subject: all, allow: all, deny: !paths [\"/a/*\"]}\n",
			"1:55: ebpfguard has no patterns; a path is a file or a directory with all below it"},
		{"- !socket_bind {subject: all, allow: all, deny: !ports [0, 65536]}\n",
			"1:57: \"0\" is no port from 1 to 65535\n1:60: \"65536\" is no port from 1 to 65535"},
		{"- !socket_connect {subject: all, allow: all, deny: !addresses [10.0.0.0/8]}\n",
			`1:64: "10.0.0.0/8" is no address such as 192.0.2.1 or 2001:db8::1`},
		{"- !a !b !c {}\n", `1:3: no tags, directives and ? keys in policies; a text that begins with !, % or ? needs quotes`},
	} {
		got, err := FromEbpfguard("p", []byte(c.file))
		qt.Check(t, qt.HasLen(got, 0))
		qt.Assert(t, qt.IsNotNil(err), qt.Commentf("%s", c.file))
		qt.Check(t, qt.Equals(strings.TrimPrefix(strings.ReplaceAll("\n"+err.Error(), "\np:", "\n"), "\n"), c.want))
	}
}

func FuzzFromEbpfguard(f *testing.F) {
	data, err := os.ReadFile("testdata/ebpfguard.yaml")
	qt.Assert(f, qt.IsNil(err))
	f.Add("p.yaml", data)
	for _, item := range strings.Split(string(data), "\n- ")[1:] {
		f.Add("\n-.", []byte("- "+item))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		got, err := FromEbpfguard(name, data)
		if err != nil {
			qt.Assert(t, qt.HasLen(got, 0))
			return
		}
		policies, err := Parse("converted", got)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", got))
		roundTrip(t, policies)
	})
}
