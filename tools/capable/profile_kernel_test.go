//go:build kernel

package main

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// profileOf profiles a command as an ordinary user and returns its line.
func profileOf(t *testing.T, rung string, argv ...string) kerneltest.Event {
	t.Helper()
	args := append([]string{"--profile", "--json", "--rung", rung, "--as", "nobody", "--"}, argv...)
	cmd := kerneltest.Command(t, "capable", args...)
	everywhere(cmd)
	stdout, stderr, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	qt.Assert(t, qt.StringContains(stderr, " 0 lost"))
	first, _, _ := strings.Cut(stdout, "\n")
	d := json.NewDecoder(strings.NewReader(first))
	d.UseNumber()
	var e kerneltest.Event
	qt.Assert(t, qt.IsNil(d.Decode(&e)), qt.Commentf("%s", stdout))
	qt.Assert(t, qt.Equals(e["by"], any("command")))
	return e
}

// everywhere makes a command see only what every user can reach, so that its
// way to its files needs no capability.
func everywhere(cmd *exec.Cmd) {
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
}

// with runs a command as an ordinary user with just these capabilities.
func with(t *testing.T, names []string, argv ...string) error {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	everywhere(cmd)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	for _, name := range names {
		c, err := preflight.ParseCapability(name)
		qt.Assert(t, qt.IsNil(err))
		cmd.SysProcAttr.AmbientCaps = append(cmd.SysProcAttr.AmbientCaps, uintptr(c))
	}
	return cmd.Run()
}

// proven checks that a command runs as an ordinary user with what its profile
// says, and with none of it less.
func proven(t *testing.T, rung string, want []string, argv ...string) {
	t.Helper()
	least := kerneltest.Strings(profileOf(t, rung, argv...)["least"])
	slices.Sort(least)
	slices.Sort(want)
	qt.Assert(t, qt.DeepEquals(least, want), qt.Commentf("%v", argv))
	qt.Check(t, qt.IsNil(with(t, least, argv...)), qt.Commentf("%v with %v", argv, least))
	for i, name := range least {
		fewer := slices.Delete(slices.Clone(least), i, i+1)
		qt.Check(t, qt.IsNotNil(with(t, fewer, argv...)), qt.Commentf("%v without %s", argv, name))
	}
}

// TestProfile proves profiles by what they promise.
//
//vmrun:kernels 5.10 newest
func TestProfile(t *testing.T) {
	path := kerneltest.Command(t, workload).Path
	dir := t.TempDir()
	qt.Assert(t, qt.IsNil(os.Chmod(dir, 0o755)))
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		os.Chmod(d, 0o755)
	}
	secret := filepath.Join(dir, "secret")
	qt.Assert(t, qt.IsNil(os.WriteFile(secret, nil, 0o600)))
	onEach(t, func(t *testing.T, rung string) {
		proven(t, rung, []string{"CAP_NET_RAW"}, path, "raw")
		if rung != rungs(t)[0] { // how a check is counted does not depend on it
			return
		}
		proven(t, rung, []string{"CAP_SYS_CHROOT"}, path, "chroot", "3")
		proven(t, rung, []string{"CAP_NET_BIND_SERVICE"}, path, "bind", "81")
		proven(t, rung, []string{"CAP_DAC_OVERRIDE"}, path, "write", secret)
		proven(t, rung, []string{"CAP_SETUID"}, path, "setid", "setuid", "1000")
		proven(t, rung, nil, path, "bind", "8181")
		// Asked for, but needless: taking the own id, giving up capabilities.
		for cap, args := range map[string][]string{"CAP_SETUID": {"setid", "setresuid", "65534"}, "CAP_SETPCAP": {"capset"}} {
			argv := append([]string{path}, args...)
			qt.Check(t, qt.IsNil(with(t, nil, argv...)))
			e := profileOf(t, rung, argv...)
			qt.Check(t, qt.Equals(len(kerneltest.Strings(e["least"])), 0))
			// Kernels from 6.3 on look at the ids before they ask, and those up to
			// 6.12 have a copy of cap_capable() inside of capset().
			if needless := kerneltest.Strings(e["needless"]); len(needless) > 0 {
				qt.Check(t, qt.DeepEquals(needless, []string{cap}))
			}
		}
	})
}

// Programs that people profile, as far as this machine has them.
//
//vmrun:kernels 6.1
func TestProfilePrograms(t *testing.T) {
	rung := rungs(t)[0]
	file := filepath.Join(t.TempDir(), "file")
	qt.Assert(t, qt.IsNil(os.WriteFile(file, nil, 0o644)))
	for d := filepath.Dir(file); d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		os.Chmod(d, 0o755)
	}
	chown, err := exec.LookPath("chown")
	qt.Assert(t, qt.IsNil(err))
	t.Run("chown", func(t *testing.T) {
		proven(t, rung, []string{"CAP_CHOWN"}, chown, "1234", file)
	})
	t.Run("ping", func(t *testing.T) {
		ping := program(t, "ping")
		if strings.Contains(ping, "busybox") { // in the guests, set-user-ID in spirit: it needs what ping needs
			proven(t, rung, []string{"CAP_NET_RAW"}, ping, "ping", "-c", "1", "127.0.0.1")
			return
		}
		// A copy, since the installed file brings its capability with it.
		image, err := os.ReadFile(ping)
		qt.Assert(t, qt.IsNil(err))
		ping = filepath.Join(filepath.Dir(file), "ping")
		qt.Assert(t, qt.IsNil(os.WriteFile(ping, image, 0o755)))
		proven(t, rung, []string{"CAP_NET_RAW"}, ping, "-q", "-c", "1", "127.0.0.1")
	})
	t.Run("our own", func(t *testing.T) {
		own := kerneltest.Command(t, "capable").Path
		want := []string{"CAP_BPF", "CAP_PERFMON"}
		if rung == "raw_tp" {
			want = append(want, "CAP_SYSLOG")
		}
		argv := []string{own, "-q", "--duration", "100ms", "--cap", "63"}
		if kerneltest.Kernel() != "" {
			// It looks into directories there that it can do without, as
			// CAP_DAC_READ_SEARCH lets it.
			least := kerneltest.Strings(profileOf(t, rung, argv...)["least"])
			qt.Check(t, qt.IsNil(with(t, least, argv...)))
			for _, name := range want {
				i := slices.Index(least, name)
				qt.Assert(t, qt.IsTrue(i >= 0), qt.Commentf("%s is not in %v", name, least))
				qt.Check(t, qt.IsNotNil(with(t, slices.Delete(slices.Clone(least), i, i+1), argv...)))
			}
			return
		}
		proven(t, rung, want, argv...)
	})
	t.Run("tcpdump", func(t *testing.T) {
		tcpdump := program(t, "tcpdump")
		proven(t, rung, []string{"CAP_NET_RAW"}, "/bin/sh", "-c",
			"timeout 5 "+tcpdump+" -q -i lo -c 1 -w /dev/null udp port 4711 2>/dev/null & p=$!; sleep 1; for i in 1 2 3; do echo x | timeout 1 "+send(t)+"; done; wait $p")
	})
	t.Run("nginx", func(t *testing.T) {
		nginx := program(t, "nginx")
		conf := nginxConf(t)
		proven(t, rung, []string{"CAP_NET_BIND_SERVICE"}, "/bin/sh", "-c",
			nginx+" -c "+conf+" -e stderr & p=$!; sleep 1; kill $p || exit 1; wait $p")
	})
}

// program finds a real program, or skips: the guests have only busybox.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if kerneltest.Kernel() == "" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("the guest has no %s", name)
	}
	real, err := filepath.EvalSymlinks(path)
	qt.Assert(t, qt.IsNil(err))
	return real
}

// send is a command that sends stdin to UDP port 4711 of the loopback.
func send(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:4711") // so that nobody answers with an error
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { conn.Close() })
	return `bash -c 'cat > /dev/udp/127.0.0.1/4711'`
}

// nginxConf writes a configuration that needs nothing but a port below 1024.
func nginxConf(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		os.Chmod(d, 0o777)
	}
	conf := filepath.Join(dir, "nginx.conf")
	text := "daemon off;\nmaster_process off;\npid " + dir + "/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"
	for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		text += what + "_temp_path " + dir + "/" + what + ";\n"
	}
	text += "server { listen 127.0.0.1:82; }\n}\n"
	qt.Assert(t, qt.IsNil(os.WriteFile(conf, []byte(text), 0o644)))
	return conf
}

// The lines of a profile by unit and container, for what runs anyway.
//
//vmrun:kernels 6.1
func TestProfileGroups(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	onEach(t, func(t *testing.T, rung string) {
		service, contained := chroots(t, nil), chroots(t, nil)
		kerneltest.Cgroup(t, "system.slice/ringside-"+rung+".service", service.PID())
		kerneltest.Cgroup(t, "docker-"+id+".scope", contained.PID())
		r := kerneltest.Start(t, "capable", "--profile", "--json", "--cap", "sys_chroot", "--rung", rung)
		for _, w := range []*kerneltest.Waiter{service, contained} {
			w.Go(t)
			w.End(t)
		}
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		r.Validate(newCommand().Documents["schema"]())
		checks := map[string]int64{}
		for _, e := range r.Lines() {
			if kerneltest.Strings(e["used"])[0] == "CAP_SYS_CHROOT" {
				checks[toText(e["by"])+toText(e["name"])] = kerneltest.Number(e["checks"])
			}
		}
		path := kerneltest.Command(t, workload).Path
		qt.Check(t, qt.Equals(checks[`"executable"`+toText(path)], 26))
		qt.Check(t, qt.Equals(checks[`"unit""ringside-`+rung+`.service"`], 13))
		qt.Check(t, qt.Equals(checks[`"container"`+toText(id)], 13))
		a := r.Account()
		qt.Check(t, qt.IsTrue(a.Printed >= 26 && a.Lost == 0))
	})
}

// Who makes a user namespace owns it, and is granted what he asks for in it
// without a capability of his own.
//
//vmrun:kernels 6.1
func TestProfileOwner(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		w := kerneltest.Wait(t, workload, asUser, "userns", "5")
		r := kerneltest.Start(t, "capable", "--profile", "--json", "--rung", rung, "-p", itoa(w.PID()), "--follow")
		w.Go(t)
		w.End(t)
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		inside := 0
		for _, e := range r.Lines() {
			if e["in_userns"] == true {
				inside++
				continue
			}
			qt.Check(t, qt.Equals(len(kerneltest.Strings(e["least"])), 0), qt.Commentf("%v", e))
		}
		qt.Check(t, qt.IsTrue(inside > 0))
	})
}
