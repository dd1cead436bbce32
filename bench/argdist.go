package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// argdist counts writes of one byte by the name of who makes them. bcc's is given the same words; to bpftrace
// the same is said in its own language. Virtual machines have a stock kernel and so its functions; a machine may
// have no more than tracepoints.
func argdist() command {
	const (
		function, point = "p::vfs_write(struct file *file, const char *buf, size_t count):char*:$COMM:count==1",
			"t:syscalls:sys_enter_write():char*:$COMM:args->count==1"
		print = " { @[comm] = count(); } interval:s:1 { print(@); clear(@); }"
	)
	words := func(b *bench) (spec, script string) {
		if b.guest {
			return function, "kprobe:vfs_write /arg2 == 1/" + print
		}
		return point, "tracepoint:syscalls:sys_enter_write /args->count == 1/" + print
	}
	hooks := func(b *bench) []string {
		if b.guest {
			return []string{"fentry/vfs_write", "kprobe/vfs_write"}
		}
		return []string{"syscalls/sys_enter_write"}
	}
	argdist := func(binary func(*bench) string) func(*bench, tuning) []string {
		return func(b *bench, _ tuning) []string {
			spec, _ := words(b)
			return []string{binary(b), "-i", "1", "-C", spec}
		}
	}
	ours := ourCommand("argdist", "", 0)
	ours.argv = argdist(ours.binary)
	bcc := bccTool("argdist", "", 0)
	bcc.argv = argdist(bcc.binary)
	bpftrace := bpftraceScript("", 0)
	bpftrace.argv = func(b *bench, _ tuning) []string {
		_, script := words(b)
		return []string{bpftrace.binary(b), "-e", script}
	}
	subjects := []subject{ours, bcc, bpftrace}
	return command{
		name:     "argdist",
		packages: []string{"bpfcc-tools", "bpftrace"},
		metrics: func(b *bench) []metric {
			write := writeLoad()
			return []metric{
				afterInterval(b.startMetric(subjects, write,
					target{text: "first line after at most a tenth of bcc's time", peer: "bcc", limit: 0.1, atMost: true},
					target{text: "first line after at most a third of bpftrace's time", peer: "bpftrace", limit: 0.34, atMost: true},
				)),
				b.memoryMetric(subjects, write),
				kernelMemoryMetric(subjects, write),
				verifierMetric(subjects, write),
				b.bpfTimeMetric(withFloor(subjects, floor(0, hooks(b)...)), write, writeBPFText, target{
					text: "BPF time of a write at most bpftrace's", peer: "bpftrace", limit: 1, atMost: true,
				}),
				b.countMetric(subjects, write, target{
					text: "every write counted at the highest rate", figure: 1, limit: 0, atMost: true,
				}),
				sizeMetric(subjects),
			}
		},
	}
}

const writeBPFText = `Writes of one byte to /dev/null: each runs one program, which
compares the count and adds one to the entry of the process's name. In virtual machines that is at the function
vfs_write, else at the tracepoint of the system call, whose arguments bcc and bpftrace take in the same way.`

// afterInterval leaves out the first interval, which all of them wait for.
func afterInterval(m metric) metric {
	measure := m.measure
	m.text += " The first second, after which all of them print for the first time, is left out."
	m.measure = func(b *bench, s subject) ([]float64, error) {
		values, err := measure(b, s)
		for i := range values {
			values[i] -= float64(time.Second)
		}
		return values, err
	}
	return m
}

// countMetric adds up all that a tool has counted in its intervals of a second.
func (b *bench) countMetric(subjects []subject, l load, targets ...target) metric {
	each := 100 * b.perWorker
	return metric{
		name:  "count",
		title: "Counting at the highest rate",
		load:  fmt.Sprintf("%d processes, %s each", rateWorkers, events(each)),
		text: `Two processes make events as fast as they can, while the tool prints every second what it has
counted; it is ended by Ctrl-C two seconds later. Counted is the sum of all that was printed.`,
		plain:    true,
		long:     true,
		figures:  []figure{{"counted", count}, {"missing", count}, {"events/s", count}},
		subjects: subjects,
		targets:  targets,
		measure: func(b *bench, s subject) ([]float64, error) {
			t, err := b.startReady(s, tuning{}, l)
			if err != nil {
				return nil, err
			}
			defer t.end()
			began := time.Now()
			if err := b.drive(l, pace{workers: rateWorkers, each: each}); err != nil {
				return nil, err
			}
			took := time.Since(began)
			time.Sleep(2 * time.Second)
			if _, err := t.finish(); err != nil {
				return nil, err
			}
			text, err := t.out.text()
			if err != nil {
				return nil, err
			}
			counted, made := sumCounts(text, l.mark), rateWorkers*each
			return []float64{float64(counted), float64(made - counted), float64(made) / took.Seconds()}, nil
		},
	}
}

// countLine is "\t12     $COMM = b'NAME'" of both argdists, and "@[NAME]: 12" of bpftrace.
var countLine = regexp.MustCompile(`(?m)^(?:\s+(\d+)\s+.* = (?:b')?([^'\n]+)'?|@\[([^\n]+)\]: (\d+))$`)

// sumCounts adds up what was counted under a name.
func sumCounts(text, name string) (sum int) {
	for _, m := range countLine.FindAllStringSubmatch(text, -1) {
		if m[2]+m[3] == name {
			n, _ := strconv.Atoi(m[1] + m[4])
			sum += n
		}
	}
	return sum
}
