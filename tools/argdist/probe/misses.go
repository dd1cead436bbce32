package probe

import (
	"io"

	"github.com/cilium/ebpf/link"
)

// Skipped is how often the kernel did not run a program because it was running
// already on that processor (5.12, where it is one of fentry; 6.7; 0 before).
func (a *Attached) Skipped() uint64 {
	var n uint64
	for _, p := range a.programs {
		if s, err := p.Stats(); err == nil {
			n += s.RecursionMisses
		}
	}
	return n
}

// Missed is how often a kprobe or a kretprobe of the kernel did not come to our
// programs at all, which they cannot know: one was at work already on that processor,
// or a kretprobe had more calls under way at once than it has room for (6.7; 0
// before).
func (a *Attached) Missed() uint64 {
	n := a.missed
	for _, l := range a.links {
		n += missedBy(l)
	}
	return n
}

func missedBy(l io.Closer) uint64 {
	attached, ok := l.(link.Link)
	if !ok {
		return 0 // a perf event, which has no count
	}
	info, err := attached.Info()
	if err != nil {
		return 0 // before 5.15 there is no link behind it
	}
	return missedOf(info)
}

func missedOf(info *link.Info) uint64 {
	if multi := info.KprobeMulti(); multi != nil {
		return multi.Missed
	}
	if event := info.PerfEvent(); event != nil {
		if k := event.Kprobe(); k != nil {
			return k.Missed
		}
	}
	return 0
}
