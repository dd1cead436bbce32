package main

import (
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"
)

func TestObjectsOfFdinfo(t *testing.T) {
	o := bpfObjects{make(map[ebpf.MapID]bool), make(map[ebpf.ProgramID]bool)}
	for _, text := range []string{
		"pos:\t0\nflags:\t02000002\nmnt_id:\t17\n", // any file
		"pos:\t0\nmap_type:\t27\nmax_entries:\t4194304\nmemlock:\t4223304\nmap_id:\t791\nfrozen:\t0\n",
		"pos:\t0\nmap_type:\t27\nmax_entries:\t4194304\nmemlock:\t4223304\nmap_id:\t791\nfrozen:\t0\n", // a second descriptor
		"prog_type:\t17\nprog_jited:\t1\nmemlock:\t8192\nprog_id:\t236\nrun_time_ns:\t12\nrun_cnt:\t3\n",
		"link_type:\traw_tracepoint\nlink_id:\t161\nprog_tag:\tea0682dfd0788948\nprog_id:\t236\ntp_name:\tsched_process_exec\n",
		"link_type:\tperf\nlink_id:\t162\nprog_id:\t242\n", // its program is held by the link alone
	} {
		o.add(parseFields(text))
	}
	qt.Assert(t, qt.DeepEquals(o.maps, map[ebpf.MapID]bool{791: true}))
	qt.Assert(t, qt.DeepEquals(o.progs, map[ebpf.ProgramID]bool{236: true, 242: true}))
}

func TestPerfBuffers(t *testing.T) {
	maps := "7f0000000000-7f0000041000 rw-s 00000000 00:0e 1038 anon_inode:[perf_event]\n" +
		"7f0000100000-7f0000141000 rw-s 00000000 00:0e 1038 anon_inode:[perf_event]\n" +
		"7f0000200000-7f0000201000 rw-s 00000000 00:0e 1038 anon_inode:[perf_event]\n" + // the head alone
		"7f0000300000-7f0000341000 rw-s 00000000 00:0e 1038 anon_inode:bpf-map\n"
	qt.Assert(t, qt.DeepEquals(parsePerfBuffers(maps, 4096), []int{256 << 10, 256 << 10}))
}

func TestParseSummary(t *testing.T) {
	a, err := parseSummary("execsnoop: tracing, Ctrl-C to end\nexecsnoop: lost 7 events (7 so far)\n" +
		"execsnoop: 53 seen = 40 printed + 6 filtered + 7 lost; 1 truncated\n")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(a, account{53, 40, 6, 7}))

	_, err = parseSummary("execsnoop: tracing, Ctrl-C to end\n")
	qt.Assert(t, qt.ErrorMatches(err, "no summary on stderr.*"))
	_, err = parseSummary("execsnoop: 99999999999999999999 seen = 1 printed + 0 filtered + 0 lost\n")
	qt.Assert(t, qt.ErrorMatches(err, "parse summary: .*"))
}

func TestLossTold(t *testing.T) {
	for name, test := range map[string]struct {
		mode   string
		stderr string
		lines  int
		told   int
		want   uint64
		err    string
	}{
		"right":              {"", "x: 12 seen = 9 printed + 1 filtered + 2 lost\n", 10, 0, 2, ""},
		"does not add up":    {"", "x: 13 seen = 9 printed + 1 filtered + 2 lost\n", 10, 0, 0, ".*13 seen, 1 unexplained"},
		"lines do not match": {"", "x: 12 seen = 9 printed + 1 filtered + 2 lost\n", 9, 0, 0, "it says 9 printed, but printed 8 lines"},
		"JSON":               {"--json", "x: 12 seen = 9 printed + 1 filtered + 2 lost\n", 12, 3, 2, ""},
		"JSON, one too many": {"--json", "x: 12 seen = 9 printed + 1 filtered + 2 lost\n", 12, 2, 0, "it says 9 printed, but printed 10 lines"},
	} {
		t.Run(name, func(t *testing.T) {
			st := &started{out: &capture{lines: test.lines, told: test.told}}
			got, err := st.lossTold(subject{tool: ours, mode: test.mode}, test.stderr)
			if test.err != "" {
				qt.Assert(t, qt.ErrorMatches(err, test.err))
				return
			}
			qt.Assert(t, qt.IsNil(err))
			qt.Assert(t, qt.Equals(got, test.want))
		})
	}
}

func TestSumLost(t *testing.T) {
	qt.Assert(t, qt.Equals(sumLost("Lost 12 events on CPU #0!\nx\nLost 3 events on CPU #1!\n"), uint64(15)))
	qt.Assert(t, qt.Equals(sumLost("Attaching 3 probes...\nLost 4 events\n"), uint64(4)))
	qt.Assert(t, qt.Equals(sumLost("Possibly lost 5 samples\nPossibly lost 6 samples\n"), uint64(11)))
	qt.Assert(t, qt.Equals(sumLost("1 2 0 /bin/echo Lost 9 events\n"), uint64(0)), qt.Commentf("an argument is no report"))
}

func TestCapture(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	qt.Assert(t, qt.IsNil(err))
	c := &capture{File: f, mark: []byte("MARK"), buf: make([]byte, 7)} // lines span reads
	defer c.Close()
	f.WriteString("header\na MARK\nb\nc MA")
	qt.Assert(t, qt.IsNil(c.read()))
	qt.Assert(t, qt.Equals(c.lines, 3))
	qt.Assert(t, qt.Equals(c.marks, 1))
	f.WriteString("RK " + strings.Repeat("long ", 10) + "\n")
	qt.Assert(t, qt.IsNil(c.read()))
	qt.Assert(t, qt.Equals(c.lines, 4))
	qt.Assert(t, qt.Equals(c.marks, 2))
}

// TestCaptureOfJSON: a line that tells a loss is no event, and an event cannot
// look like one.
func TestCaptureOfJSON(t *testing.T) {
	c := &capture{mark: []byte("MARK")}
	c.count([]byte(`{"time":"2026-01-02T03:04:05.123456789Z","tool":"x","type":"event","comm":"MARK"}` + "\n" +
		`{"time":"2026-01-02T03:04:05.123456789Z","tool":"x","type":"lost","lost":12,"lost_total":12}` + "\n" +
		`{"time":"2026-01-02T03:04:05.123456789Z","tool":"x","type":"event","comm":",\"type\":\"lost\","}` + "\n"))
	qt.Assert(t, qt.Equals(c.lines, 3))
	qt.Assert(t, qt.Equals(c.marks, 1))
	qt.Assert(t, qt.Equals(c.told, 1))
}

func TestReadyHasAnotherMark(t *testing.T) {
	l := load{driver: "exec", args: []string{"/bin/true", "MARK"}, mark: "MARK"}
	qt.Assert(t, qt.DeepEquals(ready(l).args, []string{"/bin/true", readyMark}))
	qt.Assert(t, qt.DeepEquals(l.args, []string{"/bin/true", "MARK"}))
}
