package main

// tcpconnect has three peers: libbpf-tools' and bcc's tcpconnect, on the entry and
// the return of tcp_v4_connect and tcp_v6_connect, and bpftrace's tcpconnect.bt, on
// tcp_connect. All three need kprobes, and tell attempts but not what becomes of
// them; ours with --json waits for that. They can filter by process, user or port,
// each in its own way; all of them see everything here, and the name of the load's
// thread tells its lines from those of others.
func tcpconnect() command {
	subjects := []subject{
		ourCommand("tcpconnect", "", 0), ourCommand("tcpconnect", "--json", 0),
		libbpfTool("tcpconnect", "", 2),
		bccTool("tcpconnect", "", 2),
		bpftraceScript("tcpconnect.bt", 1),
	}
	return command{
		name:     "tcpconnect",
		packages: []string{"libbpf-tools", "bpfcc-tools", "bpftrace"},
		metrics: func(b *bench) []metric {
			connect := connectLoad()
			plain := inModes(subjects, "")
			return []metric{
				b.startMetric(subjects, connect, target{
					text: "first event at most as late as libbpf-tools'", peer: "libbpf-tools", limit: 1, atMost: true,
				}),
				b.memoryMetric(subjects, connect),
				kernelMemoryMetric(subjects, connect),
				verifierMetric(subjects, connect),
				b.bpfTimeMetric(withFloor(subjects, floor(0, stateFloor)), connect, connectBPFText),
				recordMetric(subjects, connect),
				b.floodMetric(subjects, connect),
				b.rateMetric(subjects, connect, 5000, 5, target{
					text: "no connect missing at 5 000 per second", figure: 1, limit: 0, atMost: true, native: true,
				}, target{
					text: "no connect missing at 5 000 per second with `--json`", mode: "--json",
					figure: 1, limit: 0, atMost: true, native: true,
				}),
				b.sustainedMetric(subjects, connect),
				b.drainMetric(subjects, connect, smallFits),
				b.workloadMetric(subjects, connect, makeWork),
				sizeMetric(plain),
			}
		},
	}
}

// stateFloor looks for TCP_SYN_SENT, of which ours makes its record.
const stateFloor = "raw_tp/inet_sock_set_state/2"

const connectBPFText = `We run a program, and two backups of it that find their work
done, at each change of the state of a TCP socket. A connection on loopback, both of whose ends are here,
has six of them, of which one matters to the table, and two with ` + "`--json`" + `, which waits for the
outcome. For attempts that fail at once we run the same threefold at the entry and the return of
tcp_v4_connect, and one program where security modules have had their say, if the kernel allows fexit.
Elsewhere they are on the raw tracepoints of all system calls, so that each of them,
whatever it is, runs six programs: the driver's, the tool's, and those of whoever else is running. libbpf-tools and
bcc run a program at the entry of tcp_v4_connect and one at its return, bpftrace one at the entry of tcp_connect.`
