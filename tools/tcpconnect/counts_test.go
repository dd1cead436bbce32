package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/trace"
)

// showCounts prints rows as -c does with these flags.
func showCounts(t *testing.T, flags string, counts map[bpfCountKey]uint64) (string, uint64) {
	t.Helper()
	cfg, env := configure(t, append([]string{"-c"}, strings.Fields(flags)...)...)
	rows := newTool(cfg, env).Totals.(*trace.Rows[row])
	rows.Collect = func(*trace.Host, map[string]*ebpf.Map) ([]row, uint64, error) {
		r, n := sorted(counts)
		return r, n, nil
	}
	var out bytes.Buffer
	env.Stdout = &out
	n, err := rows.Print(env, nil, nil)
	qt.Assert(t, qt.IsNil(err))
	return out.String(), n
}

// TestCounts has the table of the classic tool: IPv4 first, and each sorted.
func TestCounts(t *testing.T) {
	counts := map[bpfCountKey]uint64{
		{Version: 4, Saddr: v4(10, 0, 0, 1), Daddr: v4(10, 0, 0, 2), Dport: 80}:   3,
		{Version: 4, Saddr: v4(10, 0, 0, 1), Daddr: v4(10, 0, 0, 2), Dport: 443}:  70,
		{Version: 4, Daddr: v4(10, 0, 0, 1), Dport: 80}:                           3,
		{Version: 6, Saddr: [16]uint8{15: 1}, Daddr: [16]uint8{15: 2}, Dport: 22}: 1000,
	}
	out, n := showCounts(t, "", counts)
	qt.Check(t, qt.Equals(n, 1076))
	qt.Check(t, qt.Equals(out, ""+
		"LADDR                     RADDR                     RPORT                CONNECTS\n"+
		"10.0.0.1                  10.0.0.2                  443                  70\n"+
		"-                         10.0.0.1                  80                   3\n"+
		"10.0.0.1                  10.0.0.2                  80                   3\n"+
		"::1                       ::2                       22                   1000\n"))

	out, _ = showCounts(t, "-s", map[bpfCountKey]uint64{
		{Version: 4, Saddr: v4(10, 0, 0, 1), Daddr: v4(10, 0, 0, 2), Dport: 80, Sport: 40000}: 1,
		{Version: 4, Saddr: v4(10, 0, 0, 1), Daddr: v4(10, 0, 0, 2), Dport: 80}:               1,
	})
	qt.Check(t, qt.Equals(out, ""+
		"LADDR                     RADDR                     LPORT                RPORT                CONNECTS\n"+
		"10.0.0.1                  10.0.0.2                  -                    80                   1\n"+
		"10.0.0.1                  10.0.0.2                  40000                80                   1\n"))

	out, _ = showCounts(t, "--json", map[bpfCountKey]uint64{{Version: 4, Daddr: v4(10, 0, 0, 2), Dport: 80}: 1})
	qt.Check(t, qt.Matches(out, `\{"time":"[^"]+","tool":"tcpconnect","type":"total","ip_version":4,"saddr":null,"sport":null,"daddr":"10.0.0.2","dport":80,"connects":1,"cut":\[\]\}`+"\n"))
}
