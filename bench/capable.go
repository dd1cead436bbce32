package main

// capable has three peers: libbpf-tools' capable, on the entry and the return of
// cap_capable, and bcc's capable and bpftrace's capable.bt, on its entry alone, so
// that they know no verdict. All three need kprobes.
func capable() command {
	subjects := []subject{
		ourCommand("capable", "", 0), ourCommand("capable", "--json", 0),
		libbpfTool("capable", "", 0),
		bccTool("capable", "", 0),
		bpftraceScript("capable.bt", 0),
	}
	return command{
		name:     "capable",
		packages: []string{"libbpf-tools", "bpfcc-tools", "bpftrace"},
		metrics: func(b *bench) []metric {
			check := capableLoad()
			plain := inModes(subjects, "")
			formats := inModes(subjects, "", "--json")
			return []metric{
				b.startMetric(plain, check, target{
					text: "first event at most as late as libbpf-tools'", peer: "libbpf-tools", limit: 1, atMost: true,
				}),
				b.memoryMetric(formats, check),
				kernelMemoryMetric(plain, check),
				verifierMetric(plain, check),
				b.bpfTimeMetric(withFloor(formats, floor(0, "fexit/cap_capable", "kprobe/cap_capable", "raw_tp/cap_capable")), check, capableBPFText, target{
					text: "BPF time at most libbpf-tools'", peer: "libbpf-tools", limit: 1, atMost: true,
				}),
				recordMetric(formats, check),
				b.floodMetric(plain, check),
				b.rateMetric(plain, check, 50_000, 5, target{
					text: "no check missing at 50 000 per second", figure: 1, limit: 0, atMost: true,
				}),
				b.sustainedMetric(formats, check),
				b.drainMetric(formats, check, smallFits),
				b.workloadMetric(formats, check, makeWork),
				sizeMetric(plain),
			}
		},
	}
}

const capableBPFText = `Where the kernel allows fexit, we run a program
at the return of cap_capable, where the kernel can be preempted with two backups that find their
work done; elsewhere the same at the tracepoint inside of it, which walk up the kernel stack to find out whether the check is
audited. libbpf-tools runs a program at the entry and one at the return, and bcc and bpftrace one at the entry. All of them
run for checks that are not audited as well, of which most kinds of work make more: they are counted
to the time here, and we and bcc do not print them.`
