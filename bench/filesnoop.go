package main

import "golang.org/x/sys/unix"

// filesnoop is compared by what opensnoop has: libbpf-tools' and bcc's, at the entry and
// the exit of open and openat. In that mode it prints the same columns. Without it,
// it looks at all else that is done to names as well, has full paths, and asks rules.
// filelife has metrics of its own.
func filesnoop() command {
	const same = "--format=opensnoop"
	ours := ourCommand("filesnoop", same, 0)
	libbpf, bcc := libbpfTool("opensnoop", "", 2), bccTool("opensnoop", "", 2)
	subjects := []subject{ours, ourCommand("filesnoop", "", 0), ourCommand("filesnoop", "--json", 0), libbpf, bcc}
	return command{
		name:     "filesnoop",
		packages: []string{"libbpf-tools", "bpfcc-tools"},
		metrics: func(b *bench) []metric {
			open := openLoad()
			alike := []subject{ours, libbpf, bcc}
			return append([]metric{
				b.startMetric(alike, open, target{
					text: "first event at most as late as libbpf-tools' opensnoop", peer: "libbpf-tools", mode: same, limit: 1, atMost: true,
				}),
				b.memoryMetric(subjects, open),
				kernelMemoryMetric(alike, open),
				verifierMetric(alike, open),
				b.bpfTimeMetric(withFloor(subjects, floor(0, "fexit/do_sys_openat2", callEnds(unix.SYS_OPENAT))), open, openBPFText, target{
					text: "BPF time of an open at most 0.8 of libbpf-tools' opensnoop", peer: "libbpf-tools", mode: same, limit: 0.8, atMost: true,
				}),
				recordMetric(subjects, open),
				b.floodMetric(subjects, open),
				b.rateMetric(subjects, open, 100_000, 5, target{
					text: "no open missing at 100 000 per second", mode: same, figure: 1, limit: 0, atMost: true, native: true,
				}),
				b.sustainedMetric(subjects, open),
				b.drainMetric(subjects, open, openFits),
				b.workloadMetric(subjects, open, tarWork, gitWork, grepWork, makeWork),
				sizeMetric(alike),
			}, b.filelifeMetrics()...)
		},
	}
}

// openFits: both peers send all of the room that they keep for a name, 255 bytes and some,
// and have 256 KiB per CPU.
var openFits = peerFits{"libbpf-tools": 600, "bcc": 600}

const openBPFText = `Where the kernel allows fexit, we run a program at the return of
do_sys_openat2, where the kernel can be preempted with two backups that find their work done; elsewhere the same at
the raw tracepoint of the exit of all system calls, so that each of them, whatever it is, runs them: the driver's two,
the tool's, and those of whoever else is running. libbpf-tools and bcc run a program at the entry of open or openat and one
at the exit. All of them read the name; ours walks up to the root for the full path as well.`
