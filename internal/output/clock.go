package output

import "time"

// clock formats moments. Events come in the order of time, mostly many per second, so it keeps what it worked out for
// the last second.
type clock struct {
	text   []byte
	sec    int64
	layout string
	local  bool
}

// utcClock makes RFC 3339 up to the decimal point.
func utcClock() clock { return clock{layout: "2006-01-02T15:04:05."} }

// wallClock makes the time of day where the reader is, as bcc's -T does.
func wallClock() clock { return clock{layout: "15:04:05", local: true} }

// appendSecond appends the second that unixNano is in, and returns the nanoseconds beyond it.
func (c *clock) appendSecond(dst []byte, unixNano int64) ([]byte, uint32) {
	sec, nsec := unixNano/1e9, unixNano%1e9
	if nsec < 0 { // before 1970
		sec, nsec = sec-1, nsec+1e9
	}
	if sec != c.sec || c.text == nil {
		t := time.Unix(sec, 0)
		if !c.local {
			t = t.UTC()
		}
		c.sec, c.text = sec, t.AppendFormat(c.text[:0], c.layout)
	}
	return append(dst, c.text...), uint32(nsec)
}

// appendTime appends RFC 3339 with nine decimals and Z; c must be a utcClock.
func (c *clock) appendTime(dst []byte, unixNano int64) []byte {
	dst, nsec := c.appendSecond(dst, unixNano)
	dst = append(dst, "000000000Z"...)
	for i := len(dst) - 2; nsec > 0; i-- {
		dst[i] = byte('0' + nsec%10)
		nsec /= 10
	}
	return dst
}
