package main

import "github.com/ringside-tools/ringside/internal/preflight"

// execsnoop has three peers: libbpf-tools' and bcc's execsnoop, which take
// arguments at the entry of execve and print at its exit, and bpftrace's
// execsnoop.bt, which prints at the entry and knows no result.
func execsnoop() command {
	subjects := []subject{
		execsnoopMode(""), execsnoopMode("-x"), execsnoopMode("--json"),
		libbpfTool("execsnoop", "", 2), libbpfTool("execsnoop", "-x", 2),
		bccTool("execsnoop", "", 2),
		bpftraceScript("execsnoop.bt", 1),
	}
	return command{
		name:     "execsnoop",
		packages: []string{"libbpf-tools", "bpfcc-tools", "bpftrace"},
		metrics: func(b *bench) []metric {
			// What an exec costs by itself is best seen with a program that is
			// nothing; how large its record is, with one that people run.
			idle := execLoad(b.idle)
			command := execLoad("/bin/true")
			if b.guest { // where a dynamic linker takes longer than all else
				command = idle
			}
			plain := inModes(subjects, "")
			formats := inModes(subjects, "", "--json")
			return []metric{
				b.startMetric(plain, idle, target{
					text: "first event at most as late as libbpf-tools'", peer: "libbpf-tools", limit: 1, atMost: true,
				}),
				b.memoryMetric(formats, idle, target{
					text: "peak RSS at most 14 MB", limit: 14e6, atMost: true,
				}),
				kernelMemoryMetric(plain, idle, target{
					text: "less than 5 MB in the kernel", limit: 5e6, atMost: true,
				}),
				verifierMetric(plain, idle),
				b.bpfTimeMetric(withFloor(subjects, floor(1, "raw_tp/sched_process_exec")), idle, execBPFText, target{
					text: "BPF time at most 0.8 of libbpf-tools'", peer: "libbpf-tools", limit: 0.8, atMost: true,
				}),
				recordMetric(formats, command, target{
					text: "less than 250 bytes per ordinary exec with `--json`", mode: "--json", limit: 250, atMost: true,
				}),
				b.floodMetric(plain, idle, target{
					text: "no exec missing when 16 workers make them", figure: 1, limit: 0, atMost: true,
				}),
				b.sustainedMetric(formats, idle),
				b.drainMetric(formats, idle, execFits, target{
					text: "lines per second with `--json` at least libbpf-tools'", mode: "--json", peer: "libbpf-tools", limit: 1,
				}),
				b.overheadMetric(inModes(subjects, "", "-x"), command, target{
					text: "costs a workload at most what libbpf-tools' costs", peer: "libbpf-tools", limit: 1, atMost: true,
				}),
				b.workloadMetric(subjects, idle, makeWork, findWork),
				sizeMetric(plain),
			}
		},
	}
}

const execBPFText = `By default we run a program at the end of a successful
exec, where the kernel can be preempted with two backups that find their work done;
libbpf-tools runs one at the entry of execve and one at its exit, with -x as without, and so does bcc; bpftrace one at the entry. Where the kernel allows fexit,
-x adds programs that only exec runs. Where it does not, -x stands on
the raw tracepoints of all system calls, so that each of them, whatever it is, runs a program, and
the runs per event are those of all system calls that an exec comes with: the driver's, the
new program's, the tool's, and those of whoever else is running.`

// execFits: a perf buffer of libbpf-tools is 256 KiB per CPU, at some 100 bytes
// an event; one of bpftrace has the same size, at 16 KiB an event; bcc's are 32 KiB,
// and it sends a record for each argument.
var execFits = peerFits{"libbpf-tools": 2503, "bcc": 31, "bpftrace": 20}

// execsnoopMode: by default the program runs, and perhaps its two backups; else whatever
// this kernel's rung takes.
func execsnoopMode(mode string) subject {
	runs := 0
	if mode == "" {
		runs = 1
		if k, err := preflight.Inspect(""); err == nil && k.Preemptible() {
			runs = 3
		}
	}
	return ourCommand("execsnoop", mode, runs)
}
