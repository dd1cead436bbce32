package main

import (
	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/tc"
)

// packetHooks are those of packets.
func packetHooks(c *chosen) []loader.Hook {
	attach := []loader.Attachment{{Program: "packet_in"}, {Program: "packet_out"}}
	return []loader.Hook{
		{
			Name: "packets",
			Rungs: []loader.Rung{
				{
					Name: "tcx", Attach: attach, // 6.6
					Try: func(*preflight.Kernel) error { return tc.TryTCX() },
					Set: func(*preflight.Kernel, *ebpf.CollectionSpec) error {
						c.packets = new(tc.TCX)
						return nil
					},
				},
				{
					Name: "clsact", Attach: attach,
					Needs: []preflight.Need{{Cap: preflight.NetAdmin, Why: "take filters of packets away again", Running: true}},
					Try:   func(*preflight.Kernel) error { return tc.TryClassifier() },
					Set: func(*preflight.Kernel, *ebpf.CollectionSpec) error {
						c.packets = tc.NewClsact("tlscap")
						return nil
					},
				},
			},
		},
		{
			Name:     "processes that connect and close",
			Rungs:    []loader.Rung{{Name: "raw_tp", Attach: []loader.Attachment{{Program: "state_changed"}}}},
			Optional: true,
			Without:  "whose the packets of a connection are that carries nothing",
		},
	}
}
