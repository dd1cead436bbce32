package output

import (
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// What a clock keeps of one second must not show in another, in whatever order events come.
func TestClock(t *testing.T) {
	utc, wall := utcClock(), wallClock()
	for _, n := range []int64{0, 999999999, 1e9, 1, -1, -1e9, -1e9 - 1, 1767323045123456789, 1767323045123456788, 1767323046000000000, 1<<63 - 1, -1 << 63} {
		want := time.Unix(0, n)
		qt.Check(t, qt.Equals(string(utc.appendTime(nil, n)), want.UTC().Format("2006-01-02T15:04:05.000000000Z")))
		got, _ := wall.appendSecond(nil, n)
		qt.Check(t, qt.Equals(string(got), want.Format("15:04:05")))
	}
}
