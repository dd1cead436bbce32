package main

import (
	"testing"

	"github.com/go-quicktest/qt"
)

// TestForget: whoever keeps something by the number of a connection is told of each that is
// forgotten, once.
func TestForget(t *testing.T) {
	told := make(map[uint64]int)
	c := connections{ended: func(number uint64) { told[number]++ }}
	const all = 3*maxConnections + 7
	for i := range uint64(all) {
		c.get(connectionKey{1, i, 0})
	}
	c.end(connectionKey{1, all - 1, 0})
	c.end(connectionKey{1, all - 1, 0})
	c.end(connectionKey{2, 0, 0})
	qt.Check(t, qt.IsTrue(len(c.all) < maxConnections))
	qt.Check(t, qt.Equals(len(told)+len(c.all), all))
	for number, n := range told {
		qt.Check(t, qt.Equals(n, 1), qt.Commentf("%d", number))
	}
}
