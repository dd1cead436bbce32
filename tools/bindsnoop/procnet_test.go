package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/filter"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

const procTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 71711 1 0000000000000000 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 71712 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 71713 1 0000000000000000 20 4 30 10 -1
`

const procTCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: B80D0120000000000000000007000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 71721 1 0000000000000000 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 71722 1 0000000000000000 100 0 0 10 0
`

const procUDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  100: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 71731 2 0000000000000000 0
  101: 0100007F:9C41 3500007F:0035 01 00000000:00000000 00:00000000 00000000     0        0 71732 2 0000000000000000 0
  102: 00000000:0000 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 71733 2 0000000000000000 0
`

func sockets(t *testing.T, text string, state uint8) []socket {
	t.Helper()
	var out []socket
	qt.Assert(t, qt.IsNil(readSockets(strings.NewReader(text), state, func(s socket) { out = append(out, s) })))
	return out
}

func TestReadSockets(t *testing.T) {
	at := netip.MustParseAddrPort
	for _, test := range []struct {
		text  string
		state uint8
		want  []socket
	}{
		{procTCP, stateListen, []socket{{at("127.0.0.1:8080"), stateListen, 1000, 71711}, {at("0.0.0.0:22"), stateListen, 0, 71712}}},
		{procTCP6, stateListen, []socket{{at("[2001:db8::7]:443"), stateListen, 33, 71721}, {at("127.0.0.1:80"), stateListen, 33, 71722}}},
		{procUDP, stateUnconnected, []socket{{at("0.0.0.0:68"), stateUnconnected, 0, 71731}}},
		{"", stateListen, nil},
		{"  0: 0100007F:1F90 x 0A\n", stateListen, nil},
	} {
		got := sockets(t, test.text, test.state)
		qt.Check(t, qt.Equals(len(got), len(test.want)))
		for i := range min(len(got), len(test.want)) {
			qt.Check(t, qt.Equals(got[i], test.want[i]))
		}
	}
	for text, want := range map[string]string{
		"0100007F:1F90": "127.0.0.1:8080", "0100007F:": "", "0100007F": "", "0100007:1F90": "", "0100007G:1F90": "",
		"0100007F:1F900": "", "0100007F01": "", "00000000000000000000000001000000:0001": "[::1]:1",
	} {
		a, ok := parseHexAddr([]byte(text))
		qt.Check(t, qt.Equals(ok, want != ""), qt.Commentf("%s", text))
		if ok {
			qt.Check(t, qt.Equals(a.String(), want))
		}
	}
}

// proc makes a directory like /proc with two processes: 70 has the sockets 71711
// and 71731, 71 shares the first of them.
func proc(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Dir(path), 0o755)))
		qt.Assert(t, qt.IsNil(os.WriteFile(path, []byte(text), 0o644)))
	}
	for _, pid := range []string{"70", "71", "self"} {
		write(pid+"/net/tcp", procTCP)
		write(pid+"/net/tcp6", procTCP6)
		write(pid+"/net/udp", procUDP)
		write(pid+"/status", "Name:\tx\nPPid:\t1\nUid:\t1000\t0\t0\t0\n")
		write(pid+"/comm", "two\nlines\n")
		write(pid+"/cgroup", "3:cpu:/a\n0::/b/"+strings.Repeat("0123456789abcdef", 4)+"/c\n")
		qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Join(dir, pid, "fd"), 0o755)))
		qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Join(dir, pid, "ns"), 0o755)))
		qt.Assert(t, qt.IsNil(os.Symlink("/proc/self/ns/net", filepath.Join(dir, pid, "ns/net"))))
		qt.Assert(t, qt.IsNil(os.Symlink("/bin/sh", filepath.Join(dir, pid, "exe"))))
	}
	link := func(target, name string) {
		qt.Assert(t, qt.IsNil(os.Symlink(target, filepath.Join(dir, name))))
	}
	link("/dev/null", "70/fd/0")
	link("socket:[71711]", "70/fd/3")
	link("socket:[71731]", "70/fd/4")
	link("socket:[71711]", "71/fd/3")
	link("socket:[nonsense", "71/fd/4")
	return dir
}

func TestExisting(t *testing.T) {
	h := tooltest.Host(t)
	dir := proc(t)
	all, err := existing(h, dir, new(config), new(filter.Flags))
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(len(all), 5))
	e := all[0]
	qt.Check(t, qt.Equals(e.addr.String(), "127.0.0.1"))
	qt.Check(t, qt.Equals(e.PID, 70))
	qt.Check(t, qt.Equals(e.PPID, 1))
	qt.Check(t, qt.Equals(e.UID, 1000))
	qt.Check(t, qt.Equals(string(e.Comm), "two\nlines"))
	qt.Check(t, qt.Equals(string(e.exe), "/bin/sh"))
	qt.Check(t, qt.Equals(e.ContainerID, strings.Repeat("0123456789abcdef", 4)))
	qt.Check(t, qt.IsTrue(e.owned))
	qt.Check(t, qt.IsFalse(all[1].owned))
	qt.Check(t, qt.Equals(all[1].UID, 0))
	udp := all[4]
	qt.Check(t, qt.Equals(udp.protocol()+udp.addr.String(), "udp0.0.0.0"))
	qt.Check(t, qt.Equals(udp.Port, 68))

	// What is not known of a listener is null.
	for _, f := range fields {
		got := f.Get(all[1])
		switch f.Name {
		case "pid", "tid", "ppid", "comm", "cgroup_id", "exe", "options", "ephemeral", "ipv6_only", "backlog":
			qt.Check(t, qt.Equals(got == output.Null(), true), qt.Commentf("%s", f.Name))
		case "addr", "port", "protocol", "op", "netns", "uid":
			qt.Check(t, qt.Equals(got == output.Null(), false), qt.Commentf("%s", f.Name))
		}
	}

	for want, test := range map[int]struct {
		cfg config
		f   filter.Flags
	}{
		0: {f: filter.Flags{Comm: "two"}},
		1: {cfg: config{ports: []portRange{{8080, 8090}}}},
		2: {f: filter.Flags{PIDs: []uint32{70}}},
	} {
		some, err := existing(h, dir, &test.cfg, &test.f)
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(len(some), want))
	}
	_, err = existing(h, filepath.Join(dir, "none"), new(config), new(filter.Flags))
	qt.Check(t, qt.ErrorMatches(err, "list processes: .*"))
}
