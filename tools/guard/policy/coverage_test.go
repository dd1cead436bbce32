package policy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		name, kernel, body string
		want               []string // LINE:COLUMN severity code: a part of the message
	}{
		{"user namespaces", "5.10", `rules: [{id: r, subject: all, action: deny, setuid: {via: [setuid, userns]}}]`,
			[]string{"4:9 error no-hook: rule r is about creating user namespaces, and kernel 5.10 has no hook userns_create (6.1)"}},
		{"user namespaces today", "6.1", `rules: [{id: r, subject: all, action: deny, setuid: {via: [setuid, userns, setgroups]}}]`, nil},
		{"groups", "5.10", `rules: [{id: r, subject: all, action: deny, setuid: {via: setgroups}}]`,
			[]string{"4:9 error no-hook: rule r is about setgroups, and kernel 5.10 has no hook task_fix_setgroups (6.0)"}},
		{"groups that are only told", "5.10", `rules: [{id: r, subject: all, action: deny, mode: audit, setuid: {via: setgroups}}]`,
			[]string{"4:9 warning no-hook: rule r is about setgroups, and kernel 5.10 has no hook task_fix_setgroups (6.0)"}},
		{"what is allowed", "5.10", `rules: [{id: r, subject: all, action: allow, setuid: {via: setgroups}, mount: {}}]`, nil},
		{"owners", "5.10", `rules: [{id: r, subject: all, action: deny, file: {paths: /x}}]`,
			[]string{"4:9 warning weaker: rule r is about changing owners of files, and of kernel 5.10 only the hook inode_setattr sees that: it is not told the mount, so that a path in a bind mount is taken for the one in the file system"}},
		{"owners today", "6.1", `rules: [{id: r, subject: all, action: deny, file: {paths: /x, open_before: deny}}]`, nil},
		{"a default", "5.10", `defaults: {init: {setuid: deny}}`,
			[]string{"4:19 error no-hook: the default of init is about setgroups, and kernel 5.10 has no hook task_fix_setgroups (6.0)",
				"4:19 error no-hook: the default of init is about creating user namespaces, and kernel 5.10 has no hook userns_create (6.1)"}},
		{"mounts", "7.3", `rules: [{id: r, subject: all, action: deny, mount: {ops: [new, umount, remount]}}]`,
			[]string{"4:9 warning uncovered: mount_setattr(2) changes the flags of a mount, such as read-only, and no hook of any kernel sees it; only tasks with CAP_SYS_ADMIN can, which a new user namespace gives to everybody"}},
		{"mounts that are covered", "7.3", `rules: [{id: r, subject: all, action: deny, mount: {ops: [new, umount, move, pivot]}}]`, nil},
		{"no LSM", "5.4", `rules: [{id: r, subject: all, action: deny, bind: {}}]`,
			[]string{"4:9 error no-hook: rule r is about binding, and kernel 5.4 has no hook socket_bind (5.7)",
				"4:9 error no-hook: rule r is about listening without binding, and kernel 5.4 has no hook socket_listen (5.7)",
				"4:9 error no-hook: rule r is about binding by sending, and kernel 5.4 has no hook socket_connect (5.7), socket_sendmsg (5.7)",
				"4:9 error no-hook: rule r is about further addresses of SCTP, and kernel 5.4 has no hook sctp_bind_connect (5.7)",
				"4:9 error no-hook: rule r is about binding Unix sockets, and kernel 5.4 has no hook socket_bind (5.7), path_mknod (5.7), socket_listen (5.7)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := ParseVersion(c.kernel)
			qt.Assert(t, qt.IsNil(err))
			var got []string
			for _, f := range Covers(Needs(parse(t, c.body)), KernelOf(v)) {
				got = append(got, fmt.Sprintf("%d:%d %v %s: %s", f.Pos.Line, f.Pos.Column, f.Severity, f.Code, f.Msg))
			}
			qt.Check(t, qt.DeepEquals(got, c.want))
		})
	}
}

func TestHooks(t *testing.T) {
	needs := Needs(parse(t, `rules:
  - {id: r, subject: all, action: deny, file: {paths: /x, access: write}}
  - {id: s, subject: all, action: deny, file: {paths: /y, access: [read, write]}, exec: {paths: /x}}
  - {id: t, subject: all, action: allow, mount: {}}`))
	qt.Check(t, qt.DeepEquals(KernelOf(Version{6, 1}).Hooks(needs),
		[]string{"bprm_check_security", "file_mprotect", "file_open", "file_receive", "mmap_file", "path_link", "path_truncate"}))
	qt.Check(t, qt.DeepEquals(KernelOf(Version{6, 12}).Hooks(needs),
		[]string{"bprm_check_security", "file_mprotect", "file_open", "file_receive", "file_truncate", "mmap_file", "path_link", "path_truncate"}))

	// A probe of the kernel is as good as a version.
	probed := Kernel{Name: "of here", HasHook: func(hook string) bool { return hook != "file_open" }}
	findings := Covers(needs, probed)
	qt.Assert(t, qt.HasLen(findings, 2))
	qt.Check(t, qt.StringContains(findings[0].Msg, "kernel of here has no hook file_open"))
}

// The needs of everything have ways, and every way hooks.
func TestNeedsOfEverything(t *testing.T) {
	policies, err := ParseFiles("testdata/full.yaml")
	qt.Assert(t, qt.IsNil(err))
	needs := Needs(policies)
	for _, n := range needs {
		qt.Check(t, qt.Equals(n.Blind == "", len(n.Ways) > 0), qt.Commentf("%s", n.What))
		for _, way := range n.Ways {
			qt.Check(t, qt.IsTrue(len(way.Hooks) > 0 && !slices.Contains(way.Hooks, "")), qt.Commentf("%s", n.What))
		}
	}
	qt.Check(t, qt.Equals(Minimum(needs), Version{6, 1}))
	qt.Check(t, qt.Equals(Minimum(nil), Version{5, 7}))
	for hook := range hookSince {
		qt.Check(t, qt.IsTrue(slices.ContainsFunc(needs, func(n Need) bool {
			return slices.ContainsFunc(n.Ways, func(w Way) bool { return slices.Contains(w.Hooks, hook) })
		})), qt.Commentf("nobody needs %s", hook))
	}
}

func TestVersion(t *testing.T) {
	for s, want := range map[string]Version{"5.10": {5, 10}, "6.1.0-28-amd64": {6, 1}, "7.3-rc1": {7, 3}} {
		v, err := ParseVersion(s)
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(v, want))
	}
	for _, s := range []string{"", "6", "6.", "x.y", "-1.2", "99999.1", "\x1b.1"} {
		_, err := ParseVersion(s)
		qt.Check(t, qt.IsNotNil(err), qt.Commentf("%q", s))
	}
	qt.Check(t, qt.IsTrue(Version{5, 10}.Compare(Version{5, 9}) > 0))
	qt.Check(t, qt.IsTrue(Version{5, 10}.Compare(Version{6, 1}) < 0))
}
