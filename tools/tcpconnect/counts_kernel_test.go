//go:build kernel

package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// counted runs tcpconnect -c with flags while traffic runs, for the workload
// only, and returns the rows by destination.
func counted(t *testing.T, flags string, traffic func()) (rows []kerneltest.Event, a kerneltest.Account) {
	t.Helper()
	r := start(t, "", append([]string{"-c", "--comm", workload[:15]}, strings.Fields(flags)...)...)
	traffic()
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	for _, e := range r.Lines() {
		qt.Check(t, qt.Equals(e["tool"], any("tcpconnect")))
		if e["type"] == "total" {
			rows = append(rows, e)
		}
	}
	return rows, r.Account()
}

func TestCountsExact(t *testing.T) {
	rows, a := counted(t, "", func() {
		storm(t, "127.0.0.1:1", "101", "4", syscall.ECONNREFUSED)
		storm(t, "[::1]:1", "53", "4", syscall.ECONNREFUSED)
		storm(t, "[::ffff:127.0.0.1]:1", "31", "2", syscall.ECONNREFUSED) // the same as 127.0.0.1
		storm(t, "255.255.255.255:1", "67", "4", syscall.ENETUNREACH)
	})
	exactly(t, a, 101+53+31+67)
	if kerneltest.Kernel() != "newest" {
		qt.Check(t, qt.Equals(a.Lost, 0))
	}
	var got []string
	for _, e := range rows {
		got = append(got, text(e["saddr"])+">"+text(e["daddr"])+" "+itoa(number(e["dport"]))+" "+itoa(number(e["connects"])))
	}
	if a.Lost == 0 {
		qt.Check(t, qt.DeepEquals(got, []string{"127.0.0.1>127.0.0.1 1 132", ">255.255.255.255 1 67", "::1>::1 1 53"}))
	}
}

// With -s every source port is a row of its own, and an attempt without an
// outcome is counted as well.
//
//vmrun:kernels 6.1
func TestCountsSourcePorts(t *testing.T) {
	rows, a := counted(t, "-s --net 127.0.0.1,192.0.2.7", func() {
		run(t, workload, "retry", "127.0.0.1:1", "7")
		sleeping(t, hanging(t))
	})
	qt.Check(t, qt.Equals(a.Printed, 8))
	ports := make(map[int]bool)
	for _, e := range rows {
		qt.Check(t, qt.Equals(number(e["connects"]), 1))
		if e["daddr"] == "127.0.0.1" {
			ports[number(e["sport"])] = true
		} else {
			qt.Check(t, qt.IsNil(e["sport"])) // chosen, but not told yet
		}
	}
	qt.Check(t, qt.Equals(len(rows), 8))
	qt.Check(t, qt.Equals(len(ports), 7))
}

//vmrun:kernels 6.1
func TestCountsOfResults(t *testing.T) {
	rows, a := counted(t, "--only refused", func() {
		run(t, workload, "retry", "127.0.0.1:1", "7")
		run(t, workload, "block", "127.0.0.1:0")
		run(t, workload, "block", "255.255.255.255:1")
		sleeping(t, hanging(t)) // has no result
	})
	qt.Check(t, qt.Equals(a.Printed, 7))
	qt.Assert(t, qt.Equals(len(rows), 1))
	qt.Check(t, qt.Equals(number(rows[0]["connects"]), 7))
}

// What finds the map of rows full is lost, to the unit.
//
//vmrun:kernels 5.10 newest
func TestCountsOverflow(t *testing.T) {
	const more = 67
	rows, a := counted(t, "", func() { run(t, workload, "scan", "127.0.0.1:1", itoa(countsMax+more)) })
	qt.Check(t, qt.Equals(len(rows), int(a.Printed)))
	if kerneltest.Kernel() != "newest" {
		qt.Check(t, qt.Equals(a.Printed, countsMax))
	}
	exactly(t, a, countsMax+more)
}

// exactly checks what was counted or lost. Where the kernel can skip programs, a few
// attempts may be in neither, but among the skipped runs that are told.
func exactly(t *testing.T, a kerneltest.Account, attempts int) {
	t.Helper()
	got := int(a.Printed + a.Lost)
	if kerneltest.Kernel() == "newest" {
		const skipped = 50
		qt.Check(t, qt.IsTrue(got <= attempts && got > attempts-skipped), qt.Commentf("%+v", a))
		return
	}
	qt.Check(t, qt.Equals(got, attempts), qt.Commentf("%+v", a))
}
