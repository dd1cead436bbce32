package output

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestCSVGolden(t *testing.T) {
	var out bytes.Buffer
	w := NewCSV(&out, execFields())
	qt.Assert(t, qt.IsNil(w.Header()))
	qt.Assert(t, qt.IsNil(w.Event(newExec())))
	qt.Assert(t, qt.IsNil(w.Lost(Loss{Counts: []Count{{"lost", 1}}})))
	qt.Assert(t, qt.IsNil(w.Flush()))
	qt.Assert(t, qt.Equals(out.String(), ""+
		"time,tool,type,pid,tid,ppid,uid,comm,cgroup_id,container_id,pcomm,ret,error,path,args,argc,args_truncated,cwd,tty,"+
		"latency_ns,entry,setuid,caps,mntns,hook\n"+
		`2026-01-02T03:04:05.123456789Z,execsnoop,event,4242,4242,4100,1000,ls,7171,,bash,0,,/usr/bin/ls,`+
		`"[""ls"",""--color=auto"",""-l"",""/var/lib/postgresql/data""]",4,false,/home/alice/src/project,pts/3,`+
		`183412,0x55d0c0ffee00,false,"[""CAP_NET_RAW""]",4026531841,sched_process_exec`+"\n"))
}

func TestCSVCells(t *testing.T) {
	for _, test := range []struct {
		name string
		v    Value
		want string
	}{
		{"null", Null(), ``},
		{"no text", Bytes(nil), `""`},
		{"plain", Bytes([]byte("/usr/bin/ls")), `/usr/bin/ls`},
		{"comma", Bytes([]byte("a,b")), `"a,b"`},
		{"quotes", Bytes([]byte(`"a""b`)), `"""a""""b"`},
		{"only a quote", Bytes([]byte(`"`)), `""""`},
		{"space first", Bytes([]byte(` a`)), `" a"`},
		{"space last", Bytes([]byte(`a `)), `"a "`},
		{"space within", Bytes([]byte(`a b`)), `a b`},
		{"line breaks", Bytes([]byte("a\r\nb")), `a\r\nb`},
		{"controls", Bytes([]byte("\x1b\u202e")), `\x1b\u{202e}`},
		{"not UTF-8", Bytes([]byte("caf\xe9,")), `"caf\xe9,"`},
		{"formula", Bytes([]byte("=1+1")), `=1+1`},
		{"true", Bool(true), `true`},
		{"hex", Hex(255), `0xff`},
		{"object", JSON([]byte(`{"a":1}`)), `"{""a"":1}"`},
		{"no list", ByteList(nil), `[]`},
		{"list", ByteList([][]byte{[]byte(`a"`), nil, []byte("\n")}), `"[""a\"""","""",""\n""]"`},
		{"list not UTF-8", ByteList([][]byte{[]byte("\xffa\xfe\xfe\"é")}), `"[""\\xffa\\xfe\\xfe\""é""]"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			qt.Check(t, qt.Equals(csvLine(t, test.v), test.want+"\n"))
		})
	}
}

func csvLine(t *testing.T, vals ...Value) string {
	t.Helper()
	var out bytes.Buffer
	w := NewCSV(&out, wideFields(len(vals)))
	qt.Assert(t, qt.IsNil(w.Event(&wide{vals})))
	qt.Assert(t, qt.IsNil(w.Flush()))
	qt.Assert(t, qt.Equals(strings.Count(out.String(), "\n"), 1))
	return out.String()
}
