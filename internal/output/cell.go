package output

import (
	"strconv"
	"unicode/utf8"
)

// Cell is one cell of the table while a [Column] fills it. What is appended joins what is there; all text is escaped
// as by [AppendEscaped], so that a column cannot forget to.
type Cell struct {
	buf       []byte // the lines so far, with the cell at the end
	utc, wall clock
}

// Text appends text.
func (c *Cell) Text(s string) { c.buf = AppendEscaped(c.buf, bytesOf(s)) }

// Bytes appends text from outside.
func (c *Cell) Bytes(b []byte) { c.buf = AppendEscaped(c.buf, b) }

// Escaped has more append text that [AppendEscaped] has been through already, or that needs no escape.
func (c *Cell) Escaped(more func(dst []byte) []byte) { c.buf = more(c.buf) }

// EndLine ends a line below a row; see [NewTable].
func (c *Cell) EndLine() { c.buf = append(c.buf, '\n') }

// Quoted appends text from outside in double quotes, as by [AppendQuoted].
func (c *Cell) Quoted(b []byte) { c.buf = AppendQuoted(c.buf, b) }

// Int appends a number.
func (c *Cell) Int(n int64) { c.buf = strconv.AppendInt(c.buf, n, 10) }

// Uint appends a number.
func (c *Cell) Uint(n uint64) { c.buf = strconv.AppendUint(c.buf, n, 10) }

// Hex appends an address with 0x.
func (c *Cell) Hex(n uint64) { c.Value(Hex(n)) }

// Decimal appends n with its last places digits behind a point: Decimal(1234, 3) is 1.234. With nanoseconds divided by
// a million that is the seconds column of bcc's -t.
func (c *Cell) Decimal(n int64, places int) {
	u := uint64(n)
	if n < 0 {
		c.buf = append(c.buf, '-')
		u = -u
	}
	start := len(c.buf)
	c.buf = strconv.AppendUint(c.buf, u, 10)
	if places <= 0 {
		return
	}
	for len(c.buf)-start <= places { // 0.004 has more digits than 4
		c.buf = append(c.buf, 0)
		copy(c.buf[start+1:], c.buf[start:])
		c.buf[start] = '0'
	}
	point := len(c.buf) - places
	c.buf = append(c.buf, 0)
	copy(c.buf[point+1:], c.buf[point:])
	c.buf[point] = '.'
}

// Clock appends the time of day, HH:MM:SS in the local time zone, of a moment in nanoseconds since 1970 UTC.
func (c *Cell) Clock(unixNano int64) { c.buf, _ = c.wall.appendSecond(c.buf, unixNano) }

// Value appends any value: booleans as 1 and 0, lists with a space between the elements, [Null] as "-".
func (c *Cell) Value(v Value) {
	switch {
	case v == Value{}:
		c.buf = append(c.buf, '-')
	case v.t == TypeBool:
		c.buf = append(c.buf, byte('0'+v.n))
	case !v.variable():
		c.buf = appendScalar(c.buf, v, &c.utc)
	default:
		for i := range v.count() {
			if i > 0 {
				c.buf = append(c.buf, ' ')
			}
			c.Bytes(v.elem(i))
		}
	}
}

// pad fills the cell that begins at start to a width in runes.
func (c *Cell) pad(start, width int, right bool) {
	missing := width - utf8.RuneCount(c.buf[start:])
	if missing <= 0 {
		return
	}
	end := len(c.buf)
	for range missing {
		c.buf = append(c.buf, ' ')
	}
	if right {
		copy(c.buf[start+missing:], c.buf[start:end])
		for i := range missing {
			c.buf[start+i] = ' '
		}
	}
}
