package kerneltest

import (
	"os"
	"slices"
)

// Kernel is the name of the kernel in the matrix that the test runs on, or "" for
// the machine's own.
func Kernel() string { return os.Getenv("RINGSIDE_KERNEL") }

// EveryRung reports whether tests go down the whole ladder of hooks. The oldest and the newest
// kernel of the matrix and that of the other architecture do; what is between them
// tests the rungs that it takes by itself, unless all tests are to run there.
func EveryRung() bool {
	return !slices.Contains([]string{"6.1", "6.12"}, Kernel()) || os.Getenv("RINGSIDE_FULL") != ""
}

// Rungs are those of all that tests go down to: of the ladder from its best rung on, what
// [EveryRung] leaves.
func Rungs(ladder ...string) []string {
	if EveryRung() {
		return ladder
	}
	return ladder[:1]
}
