package names

import (
	"testing"

	"github.com/go-quicktest/qt"
)

func TestNearest(t *testing.T) {
	words := []string{"skc_dport", "skc_num", "skc_daddr", "skc_family", "a", "vfs_read", "vfs_readv"}
	for word, want := range map[string]string{
		"skc_dprt":   "skc_dport",
		"skc_dporte": "skc_dport",
		"skc_dprot":  "skc_dport", // two letters swapped
		"sck_num":    "skc_num",
		"family":     "", // that is another word
		"b":          "a",
		"bb":         "",
		"vfs_red":    "vfs_read",
		"":           "a",
		"zzzzzzzzz":  "",
	} {
		qt.Check(t, qt.Equals(Nearest(word, words), want), qt.Commentf("%s", word))
	}
	qt.Check(t, qt.Equals(Nearest("x", nil), ""))
}
