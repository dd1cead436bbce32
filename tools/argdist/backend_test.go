package main

import (
	"bytes"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
)

// TestBackend refuses what bcc's compiler does not have, before it is asked.
func TestBackend(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--explain", "p::f()"}, "--explain is of the native backend"},
		{[]string{"--rung", "kprobe", "-C", "p::f()"}, "--rung, --btf: bcc's compiler knows neither"},
		{[]string{"--cgroup", "/x", "-C", "p::f()"}, "of the filters it has"},
		{[]string{"--mntns", "1", "-C", "p::f()"}, "of the filters it has"},
		{[]string{"-p", "1", "--follow", "-C", "p::f()"}, "of the filters it has"},
		{[]string{"--stats", "p::f()::a"}, "only -C and -H"},
		{[]string{"--linear", "0,10,1", "-H", "p::f()::a"}, "only -C and -H"},
		{[]string{"--uid", "no such user", "-C", "p::f()"}, "--uid: unknown user"},
	} {
		var out, err bytes.Buffer
		code := newCommand().Execute(t.Context(), append([]string{"--backend", "bcc"}, test.args...), &out, &err)
		qt.Check(t, qt.Equals(code, command.ExitUsage), qt.Commentf("%q", test.args))
		qt.Check(t, qt.StringContains(err.String(), test.want), qt.Commentf("%q", test.args))
		qt.Check(t, qt.Equals(out.String(), ""))
	}
}
