package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

// TestUsages checks that the comment has every operation and no other one.
func TestUsages(t *testing.T) {
	var want []string
	for name := range operations {
		want = append(want, name)
	}
	for name := range prefixes {
		qt.Check(t, qt.IsNil(operations[name]), qt.Commentf("%s is both", name))
		want = append(want, name)
	}
	got := slices.Sorted(maps.Keys(usages(doc)))
	slices.Sort(want)
	qt.Check(t, qt.DeepEquals(got, want))
	for name, u := range usages(doc) {
		qt.Check(t, qt.IsFalse(prefixes[name] != nil && u.max < 0), qt.Commentf("%s takes no end of arguments", name))
	}
	// Tables are merged by name: none may hide an operation of another.
	sum := 0
	for _, table := range []map[string]operation{fileOps, pathOps, wayOps, heldOps, raceOps, descriptorOps, execOps, mappingOps,
		connectOps, sendOps, bindOps, uringOps, mountOps, mountAPIOps, identityOps, selfOps} {
		sum += len(table)
	}
	qt.Check(t, qt.Equals(len(operations), sum))
}

func TestUsageOf(t *testing.T) {
	all := usages("//\tworkload OP\n//\tone A B [C] [D]  what\n//\tmany A...\n//\tnone\n// two A\n")
	qt.Check(t, qt.Equals(all["one"], usage{"one A B [C] [D]", 2, 4}))
	qt.Check(t, qt.Equals(all["many"], usage{"many A...", 1, -1}))
	qt.Check(t, qt.Equals(all["none"], usage{"none", 0, 0}))
	qt.Check(t, qt.Equals(len(all), 3))
}

// show is calls as text: name(arg arg); name(arg)
func show(calls []call) string {
	var all []string
	for _, c := range calls {
		all = append(all, c.name+"("+strings.Join(c.args, " ")+")")
	}
	return strings.Join(all, "; ")
}

func TestParse(t *testing.T) {
	for line, want := range map[string]string{
		"open f":                               "open(f)",
		"open f rw,creat":                      "open(f rw,creat)",
		"open f -- read g":                     "open(f); read(g)",
		"netns connect tcp4 127.0.0.1:80":      "netns(); connect(tcp4 127.0.0.1:80)",
		"netns -- connect tcp4 127.0.0.1:80":   "netns(); connect(tcp4 127.0.0.1:80)",
		"as 1:2 mountns open f -- id":          "as(1:2); mountns(); open(f); id()",
		"userns-root id":                       "userns-root(); id()",
		"userns-root 5:6 id":                   "userns-root(5:6); id()",
		"exec p a b -- exec q":                 "exec(p a b); exec(q)",
		"exec-then w open f -- id":             "exec-then(w open f -- id)",
		"thread exec-then w -- id":             "thread(); exec-then(w id)",
		"setgroups":                            "setgroups()",
		"sendmmsg udp4 127.0.0.1:7 ":           "sendmmsg(udp4 127.0.0.1:7)",
		"fork":                                 "fork()",
		"sendmmsg udp4 1.1.1.1:1 1.1.1.2:1 --": "error",
		"sendmmsg udp4":                        "error",
		"":                                     "error",
		"--":                                   "error",
		"open":                                 "error",
		"open f r x":                           "error",
		"none":                                 "error",
		"id -- none":                           "error",
		"as":                                   "error",
		"exec-then":                            "error",
		"exec-then w":                          "error",
	} {
		calls, err := parse(strings.Fields(line))
		got := show(calls)
		if err != nil {
			got = "error"
		}
		qt.Check(t, qt.Equals(got, want), qt.Commentf("%s", line))
	}
}

// TestParseKeeps checks that the words of the caller are not written over.
func TestParseKeeps(t *testing.T) {
	words := []string{"exec-then", "w", "--", "id"}
	kept := slices.Clone(words)
	_, err := parse(words)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(words, kept))
}

func TestLine(t *testing.T) {
	for _, c := range []struct {
		detail string
		err    error
		want   string
	}{
		{"", nil, "op: ok\n"},
		{"7", nil, "op: ok 7\n"},
		{"7", unix.EPERM, "op: EPERM\n"},
		{"", unix.EACCES, "op: EACCES\n"},
		{"", unix.EAGAIN, "op: EAGAIN\n"},
		{"", unix.Errno(4095), "op: errno-4095\n"},
		{"", at("mount", unix.EBUSY), "op: EBUSY mount\n"},
		{"", at("mount", nil), "op: ok\n"},
		{"", at("outer", at("inner", unix.EIO)), "op: EIO inner outer\n"},
		{"", signalError(unix.SIGSEGV), "op: SIGSEGV\n"},
		{"", textError("CTRUNC"), "op: CTRUNC\n"},
	} {
		qt.Check(t, qt.Equals(line("op", c.detail, c.err), c.want))
	}
}

func TestReached(t *testing.T) {
	detail, err := reached(unix.ECONNREFUSED)
	qt.Check(t, qt.Equals(line("connect", detail, err), "connect: ok refused\n"))
	detail, err = reached(unix.EPERM)
	qt.Check(t, qt.Equals(line("connect", detail, err), "connect: EPERM\n"))
	_, err = reached(nil)
	qt.Check(t, qt.IsNil(err))
}

func TestRaw(t *testing.T) {
	b := raw(address("tcp4", "127.1.2.3:4660"))
	qt.Check(t, qt.Equals(len(b), unix.SizeofSockaddrInet4))
	qt.Check(t, qt.DeepEquals(b[2:8], []byte{0x12, 0x34, 127, 1, 2, 3}))
	b = raw(address("udp6", "127.1.2.3:4660")) // mapped
	qt.Check(t, qt.Equals(len(b), unix.SizeofSockaddrInet6))
	qt.Check(t, qt.DeepEquals(b[2:24], []byte{0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 1, 2, 3}))
	b = raw(address("mptcp", "[::ffff:127.1.2.3]:1"))
	qt.Check(t, qt.DeepEquals(b[4:8], []byte{127, 1, 2, 3}))
}

func TestTally(t *testing.T) {
	seen := tally{"EPERM": 3, "ENOENT": 1, "EACCES": 2}
	seen.add(tally{"EPERM": 4})
	qt.Check(t, qt.Equals(seen.text("opened", "EPERM"), "opened=0 EPERM=7 EACCES=2 ENOENT=1"))
}

func TestFlags(t *testing.T) {
	qt.Check(t, qt.Equals(flags(openFlags, "w,creat,trunc"), unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC))
	qt.Check(t, qt.Equals(mode("4755"), uint32(0o4755)))
	uid, gid := ids("7:-1")
	qt.Check(t, qt.DeepEquals([]int{uid, gid}, []int{7, -1}))
	uid, gid = ids("7")
	qt.Check(t, qt.DeepEquals([]int{uid, gid}, []int{7, 7}))
	qt.Check(t, qt.Equals(signal("kill"), unix.SIGKILL))
	qt.Check(t, qt.Equals(signal("SIGTERM"), unix.SIGTERM))
	qt.Check(t, qt.Equals(signal("0"), unix.Signal(0)))
}

func TestCapabilities(t *testing.T) {
	qt.Check(t, qt.Equals(len(capabilities), unix.CAP_LAST_CAP+1))
	for name, number := range map[string]int{"CAP_CHOWN": unix.CAP_CHOWN, "net_admin": unix.CAP_NET_ADMIN, "sys_resource": unix.CAP_SYS_RESOURCE,
		"setfcap": unix.CAP_SETFCAP, "BPF": unix.CAP_BPF, "checkpoint_restore": unix.CAP_CHECKPOINT_RESTORE} {
		qt.Check(t, qt.Equals(capability(name), number))
	}
}

func TestAttr(t *testing.T) {
	var a bpfAttr
	a.set64(2, 0x1122334455667788)
	qt.Check(t, qt.Equals(uint64(a[2])|uint64(a[3])<<32, 0x1122334455667788))
}
