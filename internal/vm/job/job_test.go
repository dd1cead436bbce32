package job

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

func TestPlanRoundTrip(t *testing.T) {
	want := &Plan{
		Hostname: "ringside",
		Output:   "/dev/ttyS1",
		Status:   "/dev/ttyS2",
		Modules:  []string{"/lib/modules/overlay.ko"},
		Env:      []string{"RINGSIDE_VM=1"},
		Jobs: []Job{
			{Name: "tools/capable", Args: []string{"/tests/a", "-test.run", "A|B <&>\n"}, Dir: "/work/tools/capable", Timeout: time.Minute},
			{Name: "exec", Args: []string{"sh", "-c", "echo 'x'"}, Env: []string{"A=b c"}, Quiet: true},
		},
	}
	var buf bytes.Buffer
	qt.Assert(t, qt.IsNil(want.Encode(&buf)))
	got, err := Decode(&buf)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.DeepEquals(got, want))
}

func TestDecodeRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no command":    `{"jobs":[{"name":"a"}]}`,
		"two words":     `{"jobs":[{"name":"a b","args":["x"]}]}`,
		"no name":       `{"jobs":[{"args":["x"]}]}`,
		"unknown field": `{"jbos":[]}`,
		"cut short":     `{"jobs":[`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(strings.NewReader(text))
			qt.Assert(t, qt.IsNotNil(err))
		})
	}
}

func TestResultLine(t *testing.T) {
	want := Result{Name: "tools/capable", Exit: 2, Duration: 1234 * time.Millisecond}
	qt.Assert(t, qt.Equals(want.String(), "=== job tools/capable exit 2 1.234s"))
	got, ok := ParseResult(want.String())
	qt.Assert(t, qt.IsTrue(ok))
	qt.Assert(t, qt.Equals(got, want))

	for _, line := range []string{"", "=== RUN TestA", "=== job a exit x 1s", "=== job a exit 0 soon", "=== job a exit 0"} {
		_, ok := ParseResult(line)
		qt.Check(t, qt.IsFalse(ok), qt.Commentf("%q", line))
	}
}

func TestStatusLine(t *testing.T) {
	want := Status{Exit: 1, Release: "6.12.107+deb13-cloud-amd64", Seconds: 2.5, Problem: "mount x: y"}
	got, err := ParseStatus(want.Line())
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(got, want))

	for _, b := range []string{"", `{"exit":0}`, "{\"exit\":\n"} {
		_, err := ParseStatus([]byte(b))
		qt.Check(t, qt.IsNotNil(err), qt.Commentf("%q", b))
	}
}
