//go:build kernel

package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestClassicTable checks rows of the tables, with the numbers that differ from
// run to run replaced. All tables are of the same attempts.
//
//vmrun:kernels 6.1
func TestClassicTable(t *testing.T) {
	tables := map[string][]string{
		"": {"PID     COMM         IP SADDR            DADDR            DPORT",
			"PID tcpconnect-w 4  127.0.0.1        127.0.0.1        1",
			"PID tcpconnect-w 6  ::1              ::1              1",
			"PID tcpconnect-w 4  -                255.255.255.255  1"},
		"-U --result": {"UID   PID     COMM         IP SADDR            DADDR            DPORT  RESULT      ERROR         LAT(ms)",
			"0     PID tcpconnect-w 4  127.0.0.1        127.0.0.1        1      refused     ECONNREFUSED  LAT",
			"0     PID tcpconnect-w 6  ::1              ::1              1      refused     ECONNREFUSED  LAT",
			"0     PID tcpconnect-w 4  -                255.255.255.255  1      unreachable ENETUNREACH   -"},
		"-L": {"PID     COMM         IP SADDR            LPORT  DADDR            DPORT",
			"PID tcpconnect-w 4  127.0.0.1        PORT 127.0.0.1        1",
			"PID tcpconnect-w 6  ::1              PORT ::1              1",
			"PID tcpconnect-w 4  -                -      255.255.255.255  1"},
		"-t --only refused": {"TIME(s)  PID     COMM         IP SADDR            DADDR            DPORT",
			"0.000    PID tcpconnect-w 4  127.0.0.1        127.0.0.1        1",
			"SECONDS PID tcpconnect-w 6  ::1              ::1              1"},
		"-c": {"LADDR                     RADDR                     RPORT                CONNECTS",
			"127.0.0.1                 127.0.0.1                 1                    1",
			"-                         255.255.255.255           1                    1",
			"::1                       ::1                       1                    1"},
	}
	runs := make(map[string]*kerneltest.Run)
	for flags := range tables {
		runs[flags] = kerneltest.Start(t, "tcpconnect", append(strings.Fields(flags), "--comm", workload[:15], "--rung", "raw_tp")...)
	}
	var pids []string
	for _, to := range []string{"127.0.0.1:1", "[::1]:1", "255.255.255.255:1"} {
		pids = append(pids, pad(itoa(run(t, workload, "block", to).pid), 7))
	}
	for flags, want := range tables {
		t.Run(flags, func(t *testing.T) {
			for _, pid := range pids {
				want = replaceFirst(want, "PID tcp", pid+" tcp")
			}
			qt.Assert(t, qt.Equals(runs[flags].Stop(), 0))
			got := strings.Split(strings.TrimRight(runs[flags].Stdout(), "\n"), "\n")
			for i := range got {
				got[i] = regexp.MustCompile(`\d+\.\d{3}$`).ReplaceAllString(got[i], "LAT")
				if i > 1 {
					got[i] = regexp.MustCompile(`^\d+\.\d{3} +`).ReplaceAllString(got[i], "SECONDS ")
				}
				got[i] = regexp.MustCompile(`( (127.0.0.1|::1) +)\d{5}  127| \d{5}  ::1`).ReplaceAllStringFunc(got[i], func(s string) string {
					return regexp.MustCompile(`\d{5}  `).ReplaceAllString(s, "PORT ")
				})
			}
			qt.Check(t, qt.DeepEquals(got, want))
		})
	}
}

func pad(s string, width int) string { return s + strings.Repeat(" ", max(0, width-len(s))) }

// replaceFirst replaces old in the first line that has it.
func replaceFirst(lines []string, old, by string) []string {
	out := append([]string(nil), lines...)
	for i := range out {
		if strings.Contains(out[i], old) {
			out[i] = strings.Replace(out[i], old, by, 1)
			break
		}
	}
	return out
}
