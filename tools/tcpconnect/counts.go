package main

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/trace"
)

// row is what was counted of one pair of addresses.
type row struct {
	bpfCountKey
	connects     uint64
	saddr, daddr []byte // text; saddr is nil if not known
}

// totals are the rows of -c.
func totals(cfg *config) trace.Totals {
	return &trace.Rows[row]{
		Fields:  totalFields,
		Columns: totalColumns(cfg),
		Collect: func(_ *trace.Host, maps map[string]*ebpf.Map) ([]row, uint64, error) { return collect(cfg, maps) },
	}
}

var totalFields = append(trace.TotalFields[row]("tcpconnect"),
	output.Field[row]{Name: "ip_version", Type: output.TypeUint, Doc: "4 or 6.",
		Get: func(r *row) output.Value { return output.Uint(uint64(r.Version)) }},
	output.Field[row]{Name: "saddr", Type: output.TypeBytes, Nullable: true, Doc: "Source address; null for attempts that failed before they got one.",
		Get: func(r *row) output.Value { return addrOrNull(r.saddr) }},
	output.Field[row]{Name: "sport", Type: output.TypeUint, Nullable: true, Doc: "Source port; null without -s, and for attempts that had none.",
		Get: func(r *row) output.Value { return portOrNull(r.Sport) }},
	output.Field[row]{Name: "daddr", Type: output.TypeBytes, Doc: "Destination address.",
		Get: func(r *row) output.Value { return output.Bytes(r.daddr) }},
	output.Field[row]{Name: "dport", Type: output.TypeUint, Doc: "Destination port.",
		Get: func(r *row) output.Value { return output.Uint(uint64(r.Dport)) }},
	output.Field[row]{Name: "connects", Type: output.TypeUint, Doc: "How many attempts there were.",
		Get: func(r *row) output.Value { return output.Uint(r.connects) }},
)

// totalColumns is the classic table of -c.
func totalColumns(cfg *config) []output.Column[row] {
	cols := []output.Column[row]{
		{Head: "LADDR", Width: 25, Field: "saddr"},
		{Head: "RADDR", Width: 25, Field: "daddr"},
	}
	if cfg.ports() {
		cols = append(cols, output.Column[row]{Head: "LPORT", Width: 20, Field: "sport"})
	}
	return append(cols,
		output.Column[row]{Head: "RPORT", Width: 20, Field: "dport"},
		output.Column[row]{Head: "CONNECTS", Field: "connects"})
}

// collect reads what was counted, and adds the attempts that have no outcome
// yet where counting waits for it.
func collect(cfg *config, maps map[string]*ebpf.Map) ([]row, uint64, error) {
	counts := make(map[bpfCountKey]uint64)
	var key bpfCountKey
	var n uint64
	it := maps["counts"].Iterate()
	for it.Next(&key, &n) {
		counts[key] += n
	}
	if err := it.Err(); err != nil {
		return nil, 0, err
	}
	if len(cfg.only) == 0 {
		var sk uint64
		var r bpfConnectRecord
		it := maps["pending"].Iterate()
		for it.Next(&sk, &r) {
			key := bpfCountKey{Saddr: r.Saddr, Daddr: r.Daddr, Dport: r.Dport, Version: r.Version}
			if cfg.ports() {
				key.Sport = r.Sport
			}
			counts[key]++
		}
		if err := it.Err(); err != nil {
			return nil, 0, err
		}
	}
	rows, sum := sorted(counts)
	return rows, sum, nil
}

// sorted makes rows: IPv4 first, the most frequent first, then by address.
func sorted(counts map[bpfCountKey]uint64) ([]row, uint64) {
	var rows []row
	var sum uint64
	for key, n := range counts {
		r := row{bpfCountKey: key, connects: n, daddr: appendAddr(nil, key.Version, key.Daddr)}
		if key.Saddr != [16]uint8{} {
			r.saddr = appendAddr(nil, key.Version, key.Saddr)
		}
		rows = append(rows, r)
		sum += n
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(
			cmp.Compare(a.Version, b.Version),
			cmp.Compare(b.connects, a.connects),
			bytes.Compare(a.Daddr[:], b.Daddr[:]),
			cmp.Compare(a.Dport, b.Dport),
			bytes.Compare(a.Saddr[:], b.Saddr[:]),
			cmp.Compare(a.Sport, b.Sport))
	})
	return rows, sum
}
