package libc

import "github.com/ringside-tools/ringside/tools/argdist/ctype"

// GFP are the flags of the kernel's allocations, which are macros. Since 6.10 the
// numbers of their bits are constants of an enumeration, which Bit looks up; before
// that they were these, from 5.0 on.
type GFP struct {
	Bit func(name string) (int64, bool) // "___GFP_IO_BIT"
	// HasAtomic says that there is a bit __GFP_ATOMIC, which went in 6.3.
	HasAtomic bool
}

func (GFP) Named(string) (ctype.Type, bool)          { return nil, false }
func (GFP) Tagged(string, string) (ctype.Type, bool) { return nil, false }

var gfpBits = map[string]int64{
	"DMA": 0, "HIGHMEM": 1, "DMA32": 2, "MOVABLE": 3, "RECLAIMABLE": 4, "HIGH": 5, "IO": 6, "FS": 7, "ZERO": 8, "ATOMIC": 9, "DIRECT_RECLAIM": 10,
	"KSWAPD_RECLAIM": 11, "WRITE": 12, "NOWARN": 13, "RETRY_MAYFAIL": 14, "NOFAIL": 15, "NORETRY": 16, "MEMALLOC": 17, "COMP": 18, "NOMEMALLOC": 19,
	"HARDWALL": 20, "THISNODE": 21, "ACCOUNT": 22,
}

var gfpSets = map[string][]string{
	"__GFP_RECLAIM": {"DIRECT_RECLAIM", "KSWAPD_RECLAIM"},
	"GFP_ATOMIC":    {"HIGH", "KSWAPD_RECLAIM"}, "GFP_KERNEL": {"DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS"},
	"GFP_KERNEL_ACCOUNT": {"DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS", "ACCOUNT"},
	"GFP_NOIO":           {"DIRECT_RECLAIM", "KSWAPD_RECLAIM"}, "GFP_NOFS": {"DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO"},
	"GFP_USER": {"DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS", "HARDWALL"}, "GFP_DMA": {"DMA"}, "GFP_DMA32": {"DMA32"},
	"GFP_HIGHUSER":         {"DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS", "HARDWALL", "HIGHMEM"},
	"GFP_HIGHUSER_MOVABLE": {"DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS", "HARDWALL", "HIGHMEM", "MOVABLE"},
}

// Constant returns a flag, or a set of flags.
func (g GFP) Constant(name string) (int64, ctype.Type, bool) {
	bits, ok := gfpSets[name]
	if !ok {
		if len(name) < 7 || name[:6] != "__GFP_" {
			return 0, nil, false
		}
		bits = []string{name[6:]}
	}
	if name == "GFP_ATOMIC" && g.HasAtomic {
		bits = append([]string{"ATOMIC"}, bits...)
	}
	var v int64
	for _, b := range bits {
		n, ok := g.Bit("___GFP_" + b + "_BIT")
		if _, enumerated := g.Bit("___GFP_IO_BIT"); !enumerated {
			n, ok = gfpBits[b]
		}
		if !ok {
			return 0, nil, false
		}
		v |= 1 << n
	}
	return v, ctype.UInt, true
}
