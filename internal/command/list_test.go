package command

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestList(t *testing.T) {
	parse := func(s string) (uint16, error) {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("want numbers")
		}
		return uint16(n), nil
	}
	for _, test := range []struct {
		args []string
		want []uint16
		err  string
	}{
		{nil, nil, ""},
		{[]string{"-P", "1"}, []uint16{1}, ""},
		{[]string{"-P", "3,1,2"}, []uint16{3, 1, 2}, ""},
		{[]string{"-P", "1,2,1", "--port", "2,3"}, []uint16{1, 2, 3}, ""},
		{[]string{"--port=65535"}, []uint16{65535}, ""},
		{[]string{"-P", "1,x"}, nil, `testsnoop: -P: invalid value "1,x": want numbers (--help lists all flags)` + "\n"},
		{[]string{"-P", "1,"}, nil, `testsnoop: -P: invalid value "1,": want numbers (--help lists all flags)` + "\n"},
		{[]string{"-P", ""}, nil, `testsnoop: -P: invalid value "": want numbers (--help lists all flags)` + "\n"},
	} {
		var got []uint16
		ran := false
		c := testCommand(new(ownFlags))
		c.Flags = append(c.Flags, List("port", "P", "PORT,...", "ports", parse, &got))
		c.Run = func(context.Context, *Env) error { ran = true; return nil }
		var stdout, stderr bytes.Buffer
		code := c.Execute(t.Context(), test.args, &stdout, &stderr)
		qt.Check(t, qt.Equals(stderr.String(), test.err), qt.Commentf("%q", test.args))
		if test.err == "" {
			qt.Check(t, qt.IsTrue(ran && code == ExitOK))
			qt.Check(t, qt.DeepEquals(got, test.want), qt.Commentf("%q", test.args))
		} else {
			qt.Check(t, qt.Equals(code, ExitUsage))
		}
	}
}
