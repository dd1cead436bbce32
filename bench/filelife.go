package main

// filelifeMetrics compare filesnoop with what filelife has: libbpf-tools' and bcc's,
// at the functions that make, open and delete a file, which need kprobes. In that mode
// it prints the same columns, for each file that is deleted and was seen to be made.
func (b *bench) filelifeMetrics() []metric {
	const same = "--format=filelife"
	subjects := []subject{ourCommand("filesnoop", same, 0), libbpfTool("filelife", "", 0), bccTool("filelife", "", 0)}
	life := lifeLoad()
	flood := b.floodMetric(subjects, life)
	flood.text += " A file is one line, and two records of ours: what it tells as lost is of both."
	metrics := []metric{
		b.startMetric(subjects, life, target{
			text: "first event at most as late as libbpf-tools' filelife", peer: "libbpf-tools", mode: same, limit: 1, atMost: true,
		}),
		b.bpfTimeMetric(subjects, life, lifeBPFText),
		flood,
	}
	for i := range metrics {
		metrics[i].name = "filelife-" + metrics[i].name
		metrics[i].title = "filelife: " + metrics[i].title
	}
	return metrics
}

const lifeBPFText = `An event is a file that is made, closed and deleted. Where the kernel allows fexit, we run
a program at the return of do_sys_openat2, where the kernel can be preempted with two backups that find their work done,
one at security_path_unlink and one at the return of vfs_unlink; elsewhere one, with its backups, at
the raw tracepoint of the exit of all system calls, so that each of them, whatever it is, runs them: the driver's three, the
tool's, and those of whoever else is running. libbpf-tools and bcc run programs at vfs_create, vfs_open, security_inode_create and
vfs_unlink, and remember in the kernel when a file was made; we send both of its ends, and put them together afterwards.`
