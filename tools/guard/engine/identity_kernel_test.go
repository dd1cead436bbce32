//go:build kernel

package engine

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// identity is one step of the workload that a rule denies.
func identity(do, denied, rule, object string, hook Hook) trial {
	last := do[strings.LastIndex(do, "--")+1:]
	name, _, _ := strings.Cut(strings.TrimLeft(last, "- "), " ")
	return trial{do: do, denied: denied + name + ": EPERM", happens: denied + name + ": ok", alerts: []string{string(hook) + " " + rule + " " + object}}
}

// TestSetuid: to whom, and how.
func TestSetuid(t *testing.T) {
	f := start(t)
	t.Run("any", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: none, subject: all, setuid: {via: setuid}, action: deny}
`,
			identity("setuid 7", "", "none", "setuid 0-7", TaskFixSetuid),
			identity("seteuid 7", "", "none", "setuid 0-7", TaskFixSetuid),
			identity("setreuid 7 -1", "", "none", "setuid 0-7", TaskFixSetuid),
			identity("setreuid -1 7", "", "none", "setuid 0-7", TaskFixSetuid),
			identity("setresuid 7 -1 -1", "", "none", "setuid 0-7", TaskFixSetuid),
			identity("setresuid -1 -1 7", "", "none", "setuid 0-7", TaskFixSetuid),
			identity("setresuid 7 11 13", "", "none", "setuid 0-11", TaskFixSetuid),
			// It knows no error: the id stays, and it is told.
			trial{do: "setfsuid 7", denied: "setfsuid: ok 0", happens: "setfsuid: ok 7", alerts: []string{"task_fix_setuid none setuid 0-7"}},
			trial{do: "setuid 7 -- id", denied: "setuid: EPERM\nid: ok uid=0 euid=0 *", happens: "setuid: ok\nid: ok uid=7 euid=7 *", alerts: []string{"task_fix_setuid none setuid 0-7"}},
			trial{do: "thread setuid 7", denied: "setuid: EPERM", happens: "setuid: ok", alerts: []string{"task_fix_setuid none setuid 0-7"}},
			// What stays the same is no change.
			trial{do: "setuid 0 -- seteuid 0 -- setresuid 0 0 0 -- setresuid -1 -1 -1 -- setfsuid 0", happens: "setuid: ok\nseteuid: ok\nsetresuid: ok\nsetresuid: ok\nsetfsuid: ok 0"},
			trial{do: "setgid 7 -- setgroups 3", happens: "setgid: ok\nsetgroups: ok"},
		)
	})
	t.Run("to root", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: root, subject: all, setuid: {to: 0}, action: deny}
  - {id: range, subject: all, setuid: {to: [100-199, 1000]}, action: deny}
`,
			// Who can go back is stopped there.
			identity("seteuid 7 -- seteuid 0", "seteuid: ok\n", "root", "setuid 7-0", TaskFixSetuid),
			identity("setresuid 7 7 0 -- setuid 0", "setresuid: ok\n", "root", "setuid 7-0", TaskFixSetuid),
			identity("setresuid 7 7 0 -- setresuid 0 -1 -1", "setresuid: ok\n", "root", "setuid 7-0", TaskFixSetuid),
			identity("setresuid 7 7 0 -- setreuid -1 0", "setresuid: ok\n", "root", "setuid 7-0", TaskFixSetuid),
			trial{do: "seteuid 7 -- setfsuid 0", denied: "seteuid: ok\nsetfsuid: ok 7", happens: "seteuid: ok\nsetfsuid: ok 0", alerts: []string{"task_fix_setuid root setuid 7-0"}},
			identity("setuid 100", "", "range", "setuid 0-100", TaskFixSetuid),
			identity("setuid 199", "", "range", "setuid 0-199", TaskFixSetuid),
			identity("setuid 1000", "", "range", "setuid 0-1000", TaskFixSetuid),
			identity("setresuid 5 6 150", "", "range", "setuid 0-6", TaskFixSetuid),
			trial{do: "setuid 99", happens: "setuid: ok"},
			trial{do: "setuid 200", happens: "setuid: ok"},
			trial{do: "setuid 7 -- setuid 0", happens: "setuid: ok\nsetuid: EPERM"}, // the kernel itself
			trial{do: "setuid 0", happens: "setuid: ok"},
			trial{do: "setgid 150", happens: "setgid: ok"},
		)
	})
	t.Run("allowed", func(t *testing.T) {
		const policy = `
defaults: {all: {setuid: deny}}
rules:
  - {id: drop, subject: all, setuid: {to: 7-9}, action: allow}
`
		if f.missing(t, policy, "5.10", TaskFixSetgroups) { // by default it is about that, too
			return
		}
		(&fence{f.Manager, t}).trials(policy,
			trial{do: "setuid 7", happens: "setuid: ok"},
			trial{do: "setresuid 7 8 9", happens: "setresuid: ok"},
			identity("setuid 10", "", "default", "setuid 0-10", TaskFixSetuid),
			// Every id must be one that is allowed.
			identity("setresuid 7 8 10", "", "default", "setuid 0-8", TaskFixSetuid),
			identity("setgid 7", "", "default", "setgid 0-7", TaskFixSetgid),
			identity("capset -net_admin -- capset +net_admin", "capset: ok\n", "default", "capset 0-0", Capset),
		)
	})
}

// TestSetuidSubject: everybody but one program.
func TestSetuidSubject(t *testing.T) {
	one := program(t, t.TempDir()+"/sudo")
	f := start(t)
	policy := `
subjects: {sudo: {exe: ` + one + `}}
rules:
  - {id: others, subject: {any: all, except: sudo}, setuid: {via: [setuid, setgid]}, action: deny}
`
	t.Run("one", func(t *testing.T) {
		(&fence{f.Manager, t}).trialsAs(one, policy, trial{do: "setgid 7 -- setuid 7 -- id", happens: "setgid: ok\nsetuid: ok\nid: ok uid=7 euid=7 gid=7 egid=7 fsuid=7"})
	})
	t.Run("others", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(policy, identity("setuid 7", "", "others", "setuid 0-7", TaskFixSetuid), identity("setgid 7", "", "others", "setgid 0-7", TaskFixSetgid))
	})
}

// TestSetgid: groups.
func TestSetgid(t *testing.T) {
	f := start(t)
	policy := `
rules:
  - {id: group, subject: all, setuid: {via: setgid, to: 7-9}, action: deny}
`
	all := []trial{
		identity("setgid 7", "", "group", "setgid 0-7", TaskFixSetgid),
		identity("setegid 8", "", "group", "setgid 0-8", TaskFixSetgid),
		identity("setregid 9 -1", "", "group", "setgid 0-9", TaskFixSetgid),
		identity("setresgid -1 -1 7", "", "group", "setgid 0-7", TaskFixSetgid),
		{do: "setfsgid 7", denied: "setfsgid: ok 0", happens: "setfsgid: ok 7", alerts: []string{"task_fix_setgid group setgid 0-7"}},
		{do: "setgid 6", happens: "setgid: ok"},
		{do: "setgid 0 -- setregid 0 0", happens: "setgid: ok\nsetregid: ok"},
		{do: "setuid 7", happens: "setuid: ok"},
	}
	t.Run("setgid", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(policy, append(all, trial{do: "setgroups 7 8", happens: "setgroups: ok"})...)
	})
	t.Run("setgroups", func(t *testing.T) {
		const policy = `
rules:
  - {id: groups, subject: all, setuid: {via: setgroups}, action: deny}
  - {id: some, subject: all, setuid: {via: setgroups, to: 7}, action: deny}
`
		if f.missing(t, policy, "5.10", TaskFixSetgroups) {
			return
		}
		(&fence{f.Manager, t}).trials(policy,
			identity("setgroups 7 8", "", "groups", "setgroups 0-0", TaskFixSetgroups), identity("setgroups", "", "groups", "setgroups 0-0", TaskFixSetgroups),
			trial{do: "setgid 7", happens: "setgid: ok"})
	})
}

// missing says that this is a kernel without a hook, where a policy that needs it is
// refused when it is to be enforced, and not where it is audited.
func (f *fence) missing(t *testing.T, lines, kernel string, hook Hook) bool {
	t.Helper()
	has := f.object.has(string(hook))
	if k := kerneltest.Kernel(); k != "" {
		qt.Check(t, qt.Equals(has, k != kernel))
	}
	if has {
		return false
	}
	policies := parse(t, enforce(lines))
	qt.Assert(t, qt.IsNil(f.AttachFor(policies...)))
	err := f.Set(policies...)
	var missing *preflight.MissingFeature
	qt.Check(t, qt.IsTrue(errors.As(err, &missing)), qt.Commentf("%v", err))
	qt.Check(t, qt.ErrorMatches(err, `(?s).*`+string(hook)+`.*`))
	qt.Check(t, qt.IsNil(f.Set(parse(t, audit(lines))...)))
	return true
}

// TestSuidExec: programs that give what their caller does not have.
//
//vmrun:kernels 5.10 6.12
func TestSuidExec(t *testing.T) {
	// Not below /tmp, which programs of the virtual machines may not be set-user-ID in.
	dir, err := os.MkdirTemp("/", "guard-test-")
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { os.RemoveAll(dir) })
	qt.Assert(t, qt.IsNil(os.Chmod(dir, 0o755)))
	suid, sgid, caps, seven, plain := program(t, dir+"/suid"), program(t, dir+"/sgid"), program(t, dir+"/caps"), program(t, dir+"/seven"), program(t, dir+"/plain")
	qt.Assert(t, qt.IsNil(os.Chown(seven, 7, 7)))
	for path, mode := range map[string]uint32{suid: 0o4755, seven: 0o4755, sgid: 0o2755} {
		qt.Assert(t, qt.IsNil(unix.Chmod(path, mode)))
	}
	qt.Assert(t, qt.Equals(do(t, "setcap", caps, "net_raw"), "setcap: ok"))
	f := start(t)
	t.Run("any", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: exec, subject: all, setuid: {via: exec}, action: deny}
`,
			trial{do: "exec-suid " + suid, denied: "exec-suid: EPERM", happens: "exec-suid: ok euid=0", alerts: []string{"bprm_creds_from_file exec exec 65534-0"}},
			trial{do: "exec-suid " + seven, denied: "exec-suid: EPERM", happens: "exec-suid: ok euid=7", alerts: []string{"bprm_creds_from_file exec exec 65534-7"}},
			trial{do: "exec-suid " + sgid, denied: "exec-suid: EPERM", happens: "exec-suid: ok euid=65534", alerts: []string{"bprm_creds_from_file exec exec 65534-65534"}},
			trial{do: "exec-suid " + caps, denied: "exec-suid: EPERM", happens: "exec-suid: ok euid=65534", alerts: []string{"bprm_creds_from_file exec exec 65534-65534"}},
			trial{do: "exec " + seven + " id", denied: "exec: EPERM", happens: "id: ok uid=0 euid=7 *", alerts: []string{"bprm_creds_from_file exec exec 0-7"}},
			// Without new privileges, nothing is given.
			trial{do: "no-new-privs exec-suid " + suid, happens: "exec-suid: ok euid=65534"},
			trial{do: "no-new-privs exec-suid " + caps, happens: "exec-suid: ok euid=65534"},
			trial{do: "exec-suid " + plain, happens: "exec-suid: ok euid=65534"},
			trial{do: "exec " + plain + " id", happens: "id: ok uid=0 *"},
			trial{do: "exec " + suid + " id", happens: "id: ok uid=0 *"},
			trial{do: "setuid 7", happens: "setuid: ok"},
		)
	})
	t.Run("to root", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: root, subject: all, setuid: {via: exec, to: 0}, action: deny}
`,
			trial{do: "exec-suid " + suid, denied: "exec-suid: EPERM", happens: "exec-suid: ok euid=0", alerts: []string{"bprm_creds_from_file root exec 65534-0"}},
			trial{do: "exec-suid " + seven, happens: "exec-suid: ok euid=7"},
			// What gives no other user is about none in particular.
			trial{do: "exec-suid " + caps, denied: "exec-suid: EPERM", happens: "exec-suid: ok euid=65534", alerts: []string{"bprm_creds_from_file root exec 65534-65534"}},
		)
	})
	t.Run("setuid alone", func(t *testing.T) {
		(&fence{f.Manager, t}).trials(`
rules:
  - {id: call, subject: {uid: 65534}, setuid: {via: setuid}, action: deny}
`,
			trial{do: "exec-suid " + suid, happens: "exec-suid: ok euid=0"},
		)
	})
}

// TestCapset: what is added, and not what is taken away.
func TestCapset(t *testing.T) {
	start(t).trials(`
rules:
  - {id: raise, subject: all, setuid: {via: capset}, action: deny}
`,
		identity("capset -net_admin -- capset +net_admin", "capset: ok\n", "raise", "capset 0-0", Capset),
		trial{do: "capset -net_admin -- capset -sys_admin -- capset +sys_admin", denied: "capset: ok\ncapset: ok\ncapset: EPERM", happens: "capset: ok\ncapset: ok\ncapset: ok", alerts: []string{"capset raise capset 0-0"}},
		trial{do: "capset -net_admin -- capset -net_admin", happens: "capset: ok\ncapset: ok"},
		trial{do: "capset +net_admin", happens: "capset: ok"}, // it is there
		trial{do: "setuid 7 -- capset +net_admin", happens: "setuid: ok\ncapset: EPERM"},
	)
}

// TestUserns: a new user namespace, and what is done in one.
func TestUserns(t *testing.T) {
	f := start(t)
	t.Run("create", func(t *testing.T) {
		const policy = `
rules:
  - {id: userns, subject: all, setuid: {via: userns}, action: deny}
`
		if f.missing(t, policy, "5.10", UsernsCreate) {
			// Nothing sees it, and nothing is told.
			qt.Check(t, qt.Equals(do(t, "userns", "id"), "userns: ok\nid: ok uid=65534 euid=65534 gid=65534 egid=65534 fsuid=65534"))
			f.silent()
			return
		}
		(&fence{f.Manager, t}).trials(policy,
			trial{do: "userns id", denied: "userns: EPERM", happens: "userns: ok\nid: ok *", alerts: []string{"userns_create userns userns 0-0"}},
			trial{do: "userns-root id", denied: "userns-root: EPERM unshare", happens: "userns-root: ok\nid: ok *", alerts: []string{"userns_create userns userns 65534-65534"}},
			trial{do: "mountns id -- netns id", happens: "id: ok *\nid: ok *"},
			trial{do: "as 7:7 id", happens: "id: ok uid=7 *"},
		)
	})
	t.Run("inside", func(t *testing.T) {
		// Ids are those of the machine: root there is who made the namespace, and no change.
		g := &fence{f.Manager, t}
		g.set(enforce(`
rules:
  - {id: root, subject: all, setuid: {via: setuid, to: [0, 100007]}, action: deny}
`))
		qt.Check(t, qt.Equals(do(t, "userns-root", "id"), "userns-root: ok\nid: ok uid=0 euid=0 gid=0 egid=0 fsuid=0"))
		g.silent()
		inside := func(ops ...string) string {
			mapped := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 10}}
			cmd := exec.Command("guard-workload", ops...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: mapped, GidMappings: mapped,
				Credential: &syscall.Credential{NoSetGroups: true}}
			stdout, stderr, _ := kerneltest.Output(t, cmd)
			return strings.TrimSuffix(stdout, "\n") + stderr
		}
		qt.Check(t, qt.Equals(inside("setuid", "7"), "setuid: EPERM"))
		a := g.alert()
		qt.Check(t, qt.Equals(about(a), "task_fix_setuid root setuid 100000-100007"))
		qt.Check(t, qt.Equals(a.Process.UserNSLevel, 1))
		qt.Check(t, qt.Equals(inside("setuid", "0"), "setuid: ok"))
		qt.Check(t, qt.Equals(inside("setuid", "8"), "setuid: ok"))
		g.silent()
	})
}

// TestSetuidMany: each of many rules is about its own ids.
//
//vmrun:kernels 6.1
func TestSetuidMany(t *testing.T) {
	f := start(t)
	var b strings.Builder
	b.WriteString("\nrules:\n")
	for i := range 100 {
		n := []byte{byte('0' + i/10), byte('0' + i%10)}
		b.WriteString("  - {id: r" + string(n) + ", subject: all, setuid: {to: 5" + string(n) + "0}, action: deny}\n")
	}
	f.trials(b.String(),
		identity("setuid 5000", "", "r00", "setuid 0-5000", TaskFixSetuid), identity("setuid 5990", "", "r99", "setuid 0-5990", TaskFixSetuid),
		identity("setuid 5640", "", "r64", "setuid 0-5640", TaskFixSetuid), trial{do: "setuid 5001", happens: "setuid: ok"}, trial{do: "setuid 6000", happens: "setuid: ok"})
}
