package preflight

import (
	"errors"
	"strings"
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
	const line, none, voluntary, lazy = "quiet preempt=full-stop preempt=lazy preempt=voluntary ro\n", "\nCONFIG_PREEMPT_NONE=y\n# CONFIG_PREEMPT_VOLUNTARY is not set\n",
		"\n# CONFIG_PREEMPT_NONE is not set\nCONFIG_PREEMPT_VOLUNTARY=y\n", "\nCONFIG_PREEMPT_LAZY=y\n# CONFIG_PREEMPT_NONE is not set\n# CONFIG_PREEMPT_VOLUNTARY is not set\n"
	const dynamic = "#1 SMP PREEMPT_DYNAMIC Debian 6.12.90-2 (2026-06-26)"
	for _, test := range []struct {
		version, line, config string
		want                  bool
	}{
		{dynamic, "", "", true},
		{dynamic, "quiet\n", none, false},
		{dynamic, "quiet\n", voluntary, false},
		{dynamic, "quiet\n", lazy, true},
		{dynamic, line, lazy, false},
		{dynamic, "preempt=none preempt=full", none, true},
		{dynamic, "preempt=lazy", none, true},
		{dynamic, "preempt=none", lazy, false},
		{dynamic, "preempt=none", "", true}, // which 7.0 may not have
		{dynamic, "preempt=voluntary", "\nCONFIG_PREEMPT_LAZY=y\n", true},
		{dynamic, "preempt=voluntary preempt=none", voluntary, false},
		{dynamic, "preempt=often", none, false}, // the kernel takes no notice of it
		{dynamic, "nopreempt=full xpreempt=full", none, false},
		{"#1 SMP PREEMPT", "preempt=none", none, true}, // no choice
		{"#1 SMP", "preempt=full", "", false},
	} {
		boot := func() (string, string) { return test.line, test.config }
		qt.Check(t, qt.Equals(preemptible(test.version, choice(""), boot), test.want), qt.Commentf("%+v", test))
		if strings.Contains(test.version, "DYNAMIC") { // what was chosen counts before
			qt.Check(t, qt.IsTrue(preemptible(test.version, choice("none voluntary (full)"), boot)))
			qt.Check(t, qt.IsFalse(preemptible(test.version, choice("none (voluntary) full"), boot)))
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
		qt.Check(t, qt.Equals(preemptible(test.version, choice(test.choice), func() (string, string) { return "", "" }), test.want),
			qt.Commentf("%q, %q", test.version, test.choice))
	}
}
