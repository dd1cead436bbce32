package main

import "golang.org/x/sys/unix"

// bindsnoop has two peers: libbpf-tools' and bcc's bindsnoop, on the entry and the
// return of inet_bind and inet6_bind, which need kprobes. bpftrace has no such
// script. Like ours they print what succeeded, by default.
func bindsnoop() command {
	subjects := []subject{
		ourCommand("bindsnoop", "", 0), ourCommand("bindsnoop", "--json", 0),
		libbpfTool("bindsnoop", "", 2),
		bccTool("bindsnoop", "", 2),
	}
	return command{
		name:     "bindsnoop",
		packages: []string{"libbpf-tools", "bpfcc-tools"},
		metrics: func(b *bench) []metric {
			bind := bindLoad()
			plain := inModes(subjects, "")
			return []metric{
				b.startMetric(plain, bind, target{
					text: "first event at most as late as libbpf-tools'", peer: "libbpf-tools", limit: 1, atMost: true,
				}),
				b.memoryMetric(subjects, bind),
				kernelMemoryMetric(plain, bind),
				verifierMetric(plain, bind),
				b.bpfTimeMetric(withFloor(subjects, floor(0, "fexit/inet_bind", callEnds(unix.SYS_BIND))), bind, bindBPFText),
				recordMetric(subjects, bind),
				b.floodMetric(subjects, bind),
				b.rateMetric(subjects, bind, 5000, 5, target{
					text: "no bind missing at 5 000 per second", figure: 1, limit: 0, atMost: true, native: true,
				}),
				b.sustainedMetric(subjects, bind),
				b.drainMetric(subjects, bind, smallFits),
				sizeMetric(plain),
			}
		},
	}
}

const bindBPFText = `Where the kernel allows fexit, we run a program at the return of
inet_bind, where the kernel can be preempted with two backups that find their work done, and one
where security modules have had their say; elsewhere the same at the raw tracepoint of the exit of all system calls,
so that each of them, whatever it is, runs them: the driver's, the tool's, and those of whoever else is running.
libbpf-tools and bcc run a program at the entry of inet_bind and one at its return. ` + "`--json`" + ` tells the
path of the program and its container as well.`
