package output

import (
	"io"
	"strconv"
)

// MaxLine is what every JSON line stays below, newline included, whatever the event contains. Log collectors split
// longer lines (Docker's json-file driver and containerd at 16 KiB).
const MaxLine = 16384

// maxBody is the longest line without its newline.
const maxBody = MaxLine - 2

// jsonWriter writes JSON Lines.
type jsonWriter[E any] struct {
	sink
	enc    jsonEncoder
	fields []jsonField[E]
	tool   []byte // as a JSON string
	cutter cutter
}

// jsonField is a field with its keys made ready.
type jsonField[E any] struct {
	get   func(*E) Value
	key   string // `,"name":`
	key64 string // `,"name_b64":`
	name  string // `"name"`
}

// NewJSON returns a writer of JSON Lines: per event one flat object with all fields in their order, then "cut".
//
// Integers are numbers, 64-bit addresses strings, unknown values null, lists arrays. Text from outside that is not
// UTF-8 has U+FFFD in the place of each wrong byte and is followed by "<name>_b64" with the bytes themselves; so is a
// list, with all its elements, if one of them is not UTF-8. Control and hidden characters are written as \uXXXX, so
// that a line is as safe on a terminal as a row of the table.
//
// Lines are shorter than [MaxLine]. What is too long is cut at the end, the longest values first, and "cut" names the
// fields that were.
func NewJSON[E any](w io.Writer, tool string, fields []Field[E]) Writer[E] {
	j := &jsonWriter[E]{
		sink:   newSink(w),
		enc:    jsonEncoder{utc: utcClock()},
		tool:   appendJSONString(nil, bytesOf(tool)),
		cutter: newCutter(len(fields)),
	}
	for i, f := range fields {
		name := string(appendJSONString(nil, bytesOf(f.Name)))
		name64 := string(appendJSONString(nil, bytesOf(f.Name+"_b64")))
		comma := ","
		if i == 0 {
			comma = "{"
		}
		j.fields = append(j.fields, jsonField[E]{get: f.Get, key: comma + name + ":", key64: "," + name64 + ":", name: name})
	}
	return j
}

func (j *jsonWriter[E]) Header() error { return j.err }

func (j *jsonWriter[E]) Event(e *E) error {
	if j.err != nil {
		return j.err
	}
	start := len(j.buf)
	buf, ok := j.appendEvent(j.buf, e, start+maxBody)
	if !ok {
		buf = j.appendCutEvent(buf[:start], e)
	}
	return j.endLine(buf)
}

// appendEvent is the usual case: a line that fits. It gives up, with false, soon after dst has grown beyond limit.
func (j *jsonWriter[E]) appendEvent(dst []byte, e *E, limit int) ([]byte, bool) {
	for i := range j.fields {
		f := &j.fields[i]
		dst = append(dst, f.key...)
		v := f.get(e)
		if !v.variable() {
			dst = j.enc.appendScalar(dst, v)
			continue
		}
		if !v.isList() && v.n > MaxLine {
			return dst, false
		}
		dst = j.enc.appendText(dst, v, f.key64, whole(v), limit)
		if len(dst) > limit {
			return dst, false
		}
	}
	dst = append(dst, `,"cut":[]}`...)
	return dst, len(dst) <= limit
}

func (j *jsonWriter[E]) Lost(l Loss) error {
	if j.err != nil {
		return j.err
	}
	dst := append(j.buf, `{"time":`...)
	dst = j.enc.appendScalar(dst, Time(l.Time))
	dst = append(dst, `,"tool":`...)
	dst = append(dst, j.tool...)
	dst = append(dst, `,"type":"lost"`...)
	for _, c := range l.Counts {
		dst = append(dst, ',')
		dst = appendJSONString(dst, bytesOf(c.Name))
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, c.N, 10)
	}
	return j.endLine(append(dst, '}'))
}
