package output

import "encoding/base64"

// maxScalar is the longest scalar in JSON: a time in its quotes.
const maxScalar = len(`"2006-01-02T15:04:05.000000000Z"`)

// fit says how much of a variable value is written: the first count elements, and of the last of them last bytes.
type fit struct {
	count, last int
	whole       bool // nothing is missing
	cost        int  // of a whole value: bytes in the line, with the twin and its key
}

// whole is the fit of a value that is not cut.
func whole(v Value) fit {
	f := fit{count: v.count(), whole: true}
	if f.count > 0 {
		f.last = len(v.elem(f.count - 1))
	}
	return f
}

// elem returns element i of v as far as it is written.
func (f fit) elem(v Value, i int) []byte {
	b := v.elem(i)
	if i == f.count-1 {
		b = b[:f.last]
	}
	return b
}

// meter adds up what a part of a value takes in a line.
type meter struct {
	text  int  // the text or list of texts, its brackets included
	twin  int  // key and brackets of the twin, and the elements before the current one
	bytes int  // of the current element
	raw   bool // some bytes are not UTF-8, so that there is a twin
}

func (m meter) cost() int {
	if !m.raw {
		return m.text
	}
	return m.text + m.twin + base64.StdEncoding.EncodedLen(m.bytes)
}

// next begins an element; its quotes cost even if it is empty.
func (m meter) next(first bool) meter {
	m.twin += base64.StdEncoding.EncodedLen(m.bytes) + len(`""`)
	m.text += len(`""`)
	if !first {
		m.twin += len(",")
		m.text += len(",")
	}
	m.bytes = 0
	return m
}

// measure finds the longest part of v that takes at most budget bytes of a line. It ends between characters, and in a
// list rather before an element than with nothing of it.
//
// Costs only grow with the part, so that the first character that does not fit ends it: the text, and from the first
// byte that is not UTF-8 on also the base64 of everything so far.
func measure(v Value, key64, budget int) fit {
	twinned := v.t == TypeBytes || v.t == TypeList
	m := meter{twin: key64}
	if v.isList() {
		m.text, m.twin = m.text+len("[]"), m.twin+len("[]")
	}
	f := fit{}
	tight := false // the budget ends within this run: one character at a time from here on
	for i := range v.count() {
		b := v.elem(i)
		next := m.next(i == 0)
		n := 0
		for n < len(b) && next.cost() <= budget {
			m = next
			if !tight {
				run := plain(b[n:], stopJSON)
				next.text, next.bytes = m.text+run, m.bytes+run
				if tight = next.cost() > budget; !tight && run > 0 {
					n += run
					continue
				}
			}
			size, width, ok := jsonWidth(b[n:])
			next.text, next.bytes, next.raw = m.text+width, m.bytes+size, m.raw || twinned && !ok
			if next.cost() <= budget {
				n += size
			}
		}
		fits := n == len(b) && next.cost() <= budget
		if fits || n > 0 || !v.isList() {
			f.count, f.last = i+1, n
		}
		if !fits {
			return f
		}
		m = next
	}
	f.whole, f.cost = true, m.cost()
	return f
}

// cutter is the working memory of appendCutEvent, kept so that a flood of long events costs no allocations either.
type cutter struct {
	vals []Value
	fits []fit
	open []int // fields that have not got their room yet
}

func newCutter(fields int) cutter {
	return cutter{vals: make([]Value, fields), fits: make([]fit, fields), open: make([]int, 0, fields)}
}

// appendCutEvent appends the line of an event that does not fit as it is. What the line needs in any case is set aside;
// the rest is shared equally by the texts and lists, and what the short ones leave goes to the long ones. So only the
// longest values are cut.
func (j *jsonWriter[E]) appendCutEvent(dst []byte, e *E) []byte {
	c := &j.cutter
	c.open = c.open[:0]
	room := maxBody - len(`,"cut":[]}`)
	for i := range j.fields {
		f := &j.fields[i]
		c.vals[i] = f.get(e)
		room -= len(f.key)
		if !c.vals[i].variable() {
			room -= maxScalar
			if c.vals[i].t == TypeJSON {
				room -= int(c.vals[i].n)
			}
			continue
		}
		room -= len(f.name) + len(",") // its name in "cut"
		c.open = append(c.open, i)
	}
	for _, i := range c.open {
		c.fits[i] = measure(c.vals[i], len(j.fields[i].key64), room)
	}
	for {
		granted := false
		for k := 0; k < len(c.open); k++ {
			f := c.fits[c.open[k]]
			if !f.whole || f.cost > room/len(c.open) {
				continue
			}
			room -= f.cost
			c.open = append(c.open[:k], c.open[k+1:]...)
			k--
			granted = true
		}
		if !granted {
			break
		}
	}
	for _, i := range c.open {
		c.fits[i] = measure(c.vals[i], len(j.fields[i].key64), room/len(c.open))
	}

	limit := len(dst) + maxBody
	for i := range j.fields {
		f := &j.fields[i]
		dst = append(dst, f.key...)
		if v := c.vals[i]; v.variable() {
			dst = j.enc.appendText(dst, v, f.key64, c.fits[i], limit)
		} else {
			dst = j.enc.appendScalar(dst, v)
		}
	}
	dst = append(dst, `,"cut":[`...)
	first := true
	for i := range j.fields {
		if !c.vals[i].variable() || c.fits[i].whole {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, j.fields[i].name...)
	}
	return append(dst, `]}`...)
}
