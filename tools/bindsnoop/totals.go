package main

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/trace"
)

// total is how often an address and port were bound.
type total struct {
	addr  netip.Addr // the zero Addr if not known
	text  []byte
	port  uint16
	count uint64
}

// countsMax is COUNTS_MAX.
const countsMax = 10240

func totals() trace.Totals {
	return &trace.Rows[total]{Fields: totalFields, Columns: totalColumns, Collect: collect}
}

var totalFields = append(trace.TotalFields[total]("bindsnoop"),
	output.Field[total]{Name: "addr", Type: output.TypeBytes, Nullable: true, Doc: "Local address.",
		Get: func(t *total) output.Value { return bytesOrNull(t.text) }},
	output.Field[total]{Name: "port", Type: output.TypeUint, Doc: "Local port; 0 for none yet.",
		Get: func(t *total) output.Value { return output.Uint(uint64(t.port)) }},
	output.Field[total]{Name: "calls", Type: output.TypeUint, Doc: "How often it was bound, and with --listen or --listen-only listened on.",
		Get: func(t *total) output.Value { return output.Uint(t.count) }},
)

// totalColumns have the widths of the bcc tool.
var totalColumns = []output.Column[total]{
	{Head: "LADDR", Width: 32, Field: "addr"},
	{Head: "LPORT", Width: 20, Right: true, Field: "port"},
	{Head: "    BINDS", Text: func(c *output.Cell, t *total) { c.Text("    "); c.Uint(t.count) }},
}

// collect reads the map: IPv4 first, and what was bound most.
func collect(_ *trace.Host, maps map[string]*ebpf.Map) (rows []total, events uint64, err error) {
	var at bpfPlace
	var n uint64
	all := maps["counts"].Iterate()
	for all.Next(&at, &n) {
		t := total{port: at.Port, count: n}
		switch at.Family {
		case unix.AF_INET:
			t.addr = netip.AddrFrom4([4]byte(at.Addr[:4]))
		case unix.AF_INET6:
			t.addr = netip.AddrFrom16(at.Addr)
		}
		if t.addr.IsValid() {
			t.text = t.addr.AppendTo(nil)
		}
		rows = append(rows, t)
		events += n
	}
	slices.SortFunc(rows, func(a, b total) int {
		return cmp.Or(cmp.Compare(a.addr.BitLen(), b.addr.BitLen()), cmp.Compare(b.count, a.count),
			a.addr.Compare(b.addr), cmp.Compare(a.port, b.port))
	})
	return rows, events, all.Err()
}
