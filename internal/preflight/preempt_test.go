package preflight

import (
	"errors"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestPreemptible(t *testing.T) {
	choice := func(text string) func() ([]byte, error) {
		return func() ([]byte, error) {
			if text == "" {
				return nil, errors.New("no such file or directory")
			}
			return []byte(text), nil
		}
	}
	for _, test := range []struct {
		version, choice string
		want            bool
	}{
		{"#1 SMP Debian 5.10.246-1 (2025-11-09)", "", false},
		{"#1 SMP Debian 5.10.246-1 (2025-11-09)", "none voluntary (full)\n", false},
		{"#1 SMP PREEMPT Wed Jan 1 00:00:00 UTC 2025", "", true},
		{"#1 SMP PREEMPT_RT Debian 6.1.176-1", "none (voluntary) full\n", true},
		{"#1 SMP PREEMPT_LAZY Debian 7.2-1", "", true},
		{"#1 SMP PREEMPT_DYNAMIC Debian 6.12.90-2 (2026-06-26)", "none (voluntary) full\n", false},
		{"#1 SMP PREEMPT_DYNAMIC Debian 6.12.90-2 (2026-06-26)", "(none) voluntary full\n", false},
		{"#1 SMP PREEMPT_DYNAMIC Debian 6.12.90-2 (2026-06-26)", "none voluntary (full)\n", true},
		{"#1 SMP PREEMPT_DYNAMIC Debian 7.2.1-1", "full (lazy)\n", true},
		{"#1 SMP PREEMPT_DYNAMIC Debian 6.12.90-2 (2026-06-26)", "", true},
		{"", "", false},
	} {
		qt.Check(t, qt.Equals(preemptible(test.version, choice(test.choice)), test.want),
			qt.Commentf("%q, %q", test.version, test.choice))
	}
}
