package report

import "math/bits"

// appendBar fills width columns to the share that n has of most.
func appendBar(dst []byte, n, most uint64, width int, blocks bool) []byte {
	if !blocks {
		full := share(n, most, uint64(width))
		dst = appendTimes(dst, "*", full)
		return appendTimes(dst, " ", width-full)
	}
	const parts = 8
	eighths := share(n, most, uint64(width)*parts)
	if eighths == 0 && n > 0 {
		eighths = 1 // there is something
	}
	full, rest := eighths/parts, eighths%parts
	dst = appendTimes(dst, "█", full)
	if rest > 0 {
		dst = append(dst, []string{"▏", "▎", "▍", "▌", "▋", "▊", "▉"}[rest-1]...)
		full++
	}
	return appendTimes(dst, " ", width-full)
}

// share is n/most of width, rounded down. The product may be wider than 64 bits.
func share(n, most, width uint64) int {
	if most == 0 || n >= most {
		return int(width) * min(int(most), 1)
	}
	high, low := bits.Mul64(n, width)
	quotient, _ := bits.Div64(high, low, most)
	return int(quotient)
}

func appendTimes(dst []byte, s string, n int) []byte {
	for range n {
		dst = append(dst, s...)
	}
	return dst
}
