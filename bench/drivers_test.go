package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == driveArg {
		if err := driveMain(); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestDrivers: every load can be done, by two workers at once.
func TestDrivers(t *testing.T) {
	for _, l := range []load{execLoad("/bin/true"), capableLoad(), connectLoad(), bindLoad(), openLoad(), lifeLoad(), writeLoad()} {
		t.Run(l.driver, func(t *testing.T) {
			if l.driver == "capable" && os.Geteuid() != 0 {
				t.Skip("asks for a capability that only root has")
			}
			b := &bench{ctx: t.Context()}
			qt.Assert(t, qt.IsNil(b.drive(l, pace{workers: 2, each: 53, rate: 2000})))
		})
	}
}

func TestRequests(t *testing.T) {
	if _, err := os.Stat("/usr/sbin/nginx"); err != nil {
		t.Skip("needs nginx")
	}
	b := &bench{ctx: t.Context(), dir: t.TempDir()}
	defer b.close()
	qt.Assert(t, qt.IsNil(b.startWebServer()))
	qt.Assert(t, qt.IsNil(b.drive(b.requestLoad(), pace{workers: 2, each: 53})))
}

func TestDriveNothing(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", driveArg)
	cmd.Stdin = strings.NewReader(`{"Driver":"dance"}`)
	out, err := cmd.CombinedOutput()
	qt.Assert(t, qt.IsNotNil(err))
	qt.Assert(t, qt.Equals(string(out), `no driver "dance"`))
}

func TestEventMarkFitsAName(t *testing.T) {
	qt.Assert(t, qt.IsTrue(len(eventMark) < 12), qt.Commentf("some tools print twelve bytes"))
}
