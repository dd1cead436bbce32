package main

import (
	"math"
	"strconv"
	"time"
)

// number formats v with some decimals and thousands apart, then a unit.
func number(decimals int, unit string) func(float64) string {
	return func(v float64) string {
		if math.IsNaN(v) {
			return "–"
		}
		s := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
		whole := len(s)
		if decimals > 0 {
			whole -= decimals + 1
		}
		for i := whole - 3; i > 0 && whole > 4; i -= 3 {
			s = s[:i] + "\u202f" + s[i:] // narrow no-break space
		}
		if v < 0 {
			s = "−" + s
		}
		if unit != "" {
			s += "\u00a0" + unit
		}
		return s
	}
}

// scaled formats v in a unit of which it holds 1/by.
func scaled(by float64, decimals int, unit string) func(float64) string {
	format := number(decimals, unit)
	return func(v float64) string { return format(v / by) }
}

// events is a number of events in words.
func events(n int) string { return count(float64(n)) + "\u00a0events" }

// duration is a short one, in the unit that fits.
func duration(d time.Duration) string {
	if d < time.Millisecond {
		return number(0, "µs")(float64(d.Microseconds()))
	}
	return number(0, "ms")(float64(d.Milliseconds()))
}

var (
	millis    = scaled(1e6, 1, "ms") // of nanoseconds
	megabytes = scaled(1e6, 2, "MB") // of bytes
	count     = number(0, "")
)
