package output_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/output/schematest"
)

// probe is an event of the common fields and one field of every type.
type probe struct{ x [10]output.Value }

func probeFields() []output.Field[probe] {
	common := func(name string, typ output.Type, v output.Value) output.Field[probe] {
		return output.Field[probe]{Name: name, Type: typ, Doc: "The " + name + ".", Get: func(*probe) output.Value { return v }}
	}
	fields := []output.Field[probe]{
		common("time", output.TypeTime, output.Time(0)),
		common("tool", output.TypeText, output.Text("probe")),
		common("type", output.TypeText, output.Text("event")),
		common("pid", output.TypeUint, output.Uint(1)),
		common("tid", output.TypeUint, output.Uint(1)),
		common("ppid", output.TypeUint, output.Uint(0)),
		common("uid", output.TypeUint, output.Uint(0)),
		common("comm", output.TypeBytes, output.Text("init")),
		common("cgroup_id", output.TypeUint, output.Uint(1)),
		common("container_id", output.TypeText, output.Text("")),
	}
	for i, name := range []string{"int", "uint", "hex", "bool", "when", "json", "text", "bytes", "texts", "list"} {
		f := output.Field[probe]{Name: name, Type: output.TypeInt + output.Type(i), Nullable: true, Doc: "A value."}
		f.Get = func(e *probe) output.Value { return e.x[i] }
		if name == "json" {
			f.Schema = `{"type":"object","properties":{"n":{"type":"integer"}}}`
		}
		if name == "text" {
			f.Enum = []string{"EPERM", "EACCES"}
		}
		fields = append(fields, f)
	}
	return fields
}

func probeLine(t *testing.T, e probe) []byte {
	t.Helper()
	var out bytes.Buffer
	w := output.NewJSON(&out, "probe", probeFields())
	qt.Assert(t, qt.IsNil(w.Event(&e)))
	qt.Assert(t, qt.IsNil(w.Flush()))
	return out.Bytes()
}

func TestSchema(t *testing.T) {
	qt.Assert(t, qt.IsNil(output.CheckFields(probeFields())))
	text := output.Schema("probe", "1", probeFields())
	qt.Assert(t, qt.IsTrue(bytes.Contains(text, []byte(`"$id": "urn:ringside:schema:probe:1"`))))
	schema, err := schematest.Compile(text)
	qt.Assert(t, qt.IsNil(err))

	full := probe{[10]output.Value{
		output.Int(-1), output.Uint(1 << 63), output.Hex(1 << 63), output.Bool(true), output.Time(-1), output.JSON([]byte(`{"n":1}`)), output.Text("EPERM"),
		output.Bytes([]byte("\xff")), output.TextList([]string{"a"}), output.ByteList([][]byte{{0xff}}),
	}}
	long := full
	long.x[7] = output.Bytes(bytes.Repeat([]byte{0xff}, output.MaxLine))
	var good [][]byte
	for _, e := range []probe{{}, full, long} {
		good = append(good, probeLine(t, e))
	}
	var out bytes.Buffer
	w := output.NewJSON(&out, "probe", probeFields())
	qt.Assert(t, qt.IsNil(w.Lost(output.Loss{Counts: []output.Count{{Name: "lost", N: 12}}})))
	qt.Assert(t, qt.IsNil(w.Flush()))
	for _, line := range append(good, out.Bytes()) {
		qt.Check(t, qt.IsNil(schema.Validate(line)), qt.Commentf("%s", line))
	}

	// A schema that accepts everything is worth nothing: break the full line in every way.
	line := string(good[1])
	for _, edit := range [][2]string{
		{`"pid":1`, `"pid":null`}, {`"pid":1`, `"pid":-1`}, {`"pid":1`, `"pid":"1"`}, {`"pid":1,`, ``}, {`"pid":1,`, `"pid":1,"new":1,`},
		{`"probe"`, `"other"`}, {`"event"`, `"lost"`}, {`"event"`, `"evil"`}, {`EPERM`, `EIO`}, {`"0x8`, `"8`}, {`.000000000Z`, `.000Z`},
		{`"bool":true`, `"bool":1`}, {`"texts":["a"]`, `"texts":"a"`}, {`"texts":["a"]`, `"texts":[1]`}, {`"/w=="`, `"?"`},
		{`"cut":[]`, `"cut":["nosuch"]`}, {`"cut":[]`, `"cut":["int"]`}, {`,"cut":[]`, ``}, {`"int":-1`, `"int":0.5`}, {`{"n":1}`, `{"n":0.5}`}, {`{"n":1}`, `[]`},
	} {
		bad := strings.Replace(line, edit[0], edit[1], 1)
		qt.Assert(t, qt.Not(qt.Equals(bad, line)), qt.Commentf("%q", edit))
		qt.Check(t, qt.IsNotNil(schema.Validate([]byte(bad))), qt.Commentf("%q", edit))
	}
	for _, bad := range []string{``, `{}`, `[]`, `{"time":"x"}`, line + line, strings.Replace(out.String(), `12`, `-1`, 1)} {
		qt.Check(t, qt.IsNotNil(schema.Validate([]byte(bad))), qt.Commentf("%s", bad))
	}

	// Properties are in the order of the fields, for readers.
	var order struct {
		Defs struct{ Event struct{ Required []string } } `json:"$defs"`
	}
	qt.Assert(t, qt.IsNil(json.Unmarshal(text, &order)))
	qt.Check(t, qt.DeepEquals(order.Defs.Event.Required[:10], output.CommonNames()))
}

func TestValidateErrors(t *testing.T) {
	qt.Check(t, qt.ErrorMatches(schematest.Validate([]byte(`{`), []byte(`{}`)), `parse schema: .*`))
	qt.Check(t, qt.ErrorMatches(schematest.Validate([]byte(`{"type":7}`), []byte(`{}`)), `(?s)compile schema: .*`))
	qt.Check(t, qt.IsNil(schematest.Validate([]byte(`{"type":"object"}`), []byte(`{}`))))
}

// TestSchemaVariants: each type of line has its own shape, and no other.
func TestSchemaVariants(t *testing.T) {
	total := []output.Field[probe]{
		{Name: "time", Type: output.TypeTime, Doc: "When.", Get: func(*probe) output.Value { return output.Time(0) }},
		{Name: "tool", Type: output.TypeText, Doc: "Who.", Get: func(*probe) output.Value { return output.Text("probe") }},
		{Name: "type", Type: output.TypeText, Enum: []string{"total"}, Doc: "What.", Get: func(*probe) output.Value { return output.Text("total") }},
		{Name: "n", Type: output.TypeUint, Doc: "How many.", Get: func(*probe) output.Value { return output.Uint(7) }},
	}
	qt.Assert(t, qt.IsNil(output.CheckFields(total)))
	var out bytes.Buffer
	w := output.NewJSON(&out, "probe", total)
	qt.Assert(t, qt.IsNil(w.Event(new(probe))))
	qt.Assert(t, qt.IsNil(w.Flush()))
	line := out.String()

	alone, err := schematest.Compile(output.Schema("probe", "1", probeFields()))
	qt.Assert(t, qt.IsNil(err))
	both, err := schematest.Compile(output.Schema("probe", "1", probeFields(), output.NewVariant("probe", total)))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsNotNil(alone.Validate([]byte(line))))
	qt.Check(t, qt.IsNil(both.Validate([]byte(line))))
	qt.Check(t, qt.IsNil(both.Validate(probeLine(t, probe{}))))
	qt.Check(t, qt.IsNil(both.Validate([]byte(`{"time":"1970-01-01T00:00:00.000000000Z","tool":"probe","type":"lost","lost":7}`))))
	for _, edit := range [][2]string{{`"total"`, `"event"`}, {`"probe"`, `"other"`}, {`"n":7`, `"n":-7`}, {`"n":7`, `"pid":7`}, {`,"cut":[]`, ``}} {
		bad := strings.Replace(line, edit[0], edit[1], 1)
		qt.Assert(t, qt.Not(qt.Equals(bad, line)))
		qt.Check(t, qt.IsNotNil(both.Validate([]byte(bad))), qt.Commentf("%q", edit))
	}
}
