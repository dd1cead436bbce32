package main

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/tlscap/accessor"
	"github.com/ringside-tools/ringside/tools/tlscap/gotls"
	"github.com/ringside-tools/ringside/tools/tlscap/library"
)

// TestSets: what is probed is what the mode needs; for a key log nothing that is called once a handshake is over,
// where there is a way without.
func TestSets(t *testing.T) {
	var ssl []library.Function
	for _, k := range []library.Kind{library.Read, library.Write, library.Free} {
		ssl = append(ssl, library.Function{Kind: k})
	}
	logs := append(ssl[:len(ssl):len(ssl)], library.Function{Kind: library.Logs})
	random := accessor.Path{0x50}
	for name, test := range map[string]struct {
		lib           library.Library
		text, secrets map[string]int // functions of each program
	}{
		"with a function that logs": {library.Library{Functions: logs, Random: random, Derives: true},
			map[string]int{"tls_enter": 2, "tls_free": 1}, map[string]int{"secret_logged": 1}},
		"whose client random is not known": {library.Library{Functions: logs, Derives: true},
			map[string]int{"tls_enter": 2, "tls_free": 1}, map[string]int{"tls_enter": 2, "tls_free": 1, "secret_logged": 1}},
		"that derives": {library.Library{Functions: ssl, Random: random, Derives: true},
			map[string]int{"tls_enter": 2, "tls_free": 1}, map[string]int{"tls_enter": 2, "tls_free": 1}},
		"without secrets": {library.Library{Functions: ssl},
			map[string]int{"tls_enter": 2, "tls_free": 1}, map[string]int{}},
		"libcrypto": {library.Library{Functions: []library.Function{{Kind: library.Derive}}, Derives: true},
			map[string]int{}, map[string]int{"derive_enter": 1}},
		"Go": {library.Library{GoConn: &gotls.Conn{}, Functions: []library.Function{{Kind: library.Read}, {Kind: library.GoClose}, {Kind: library.GoSecret}}},
			map[string]int{"go_enter": 1, "go_close": 1}, map[string]int{"go_secret": 1}},
	} {
		for mode, want := range map[string]map[string]int{modeText: test.text, modeKeylog: test.secrets} {
			a := &attacher{cfg: &config{mode: mode}, chosen: &chosen{}}
			got := make(map[string]int)
			for _, s := range a.sets(&test.lib) {
				if n := len(s.functions); n > 0 {
					got[s.enter] = n
				}
			}
			qt.Check(t, qt.DeepEquals(got, want), qt.Commentf("%s, %s", name, mode))
		}
	}
}
