// Package names finds what somebody meant who mistyped a name.
package names

import "slices"

// Nearest returns the candidate that is most like word, or "" if none is. Of
// candidates that are equally like it, it is the first in alphabetical order.
func Nearest(word string, candidates []string) string {
	// A third of the letters may be wrong, of a long word.
	best, limit := "", max(1, min(len(word)/3, maxDistance))
	var d distance
	for _, c := range candidates {
		n := d.of(word, c, limit)
		if n < limit || n == limit && (best == "" || c < best) {
			best, limit = c, n
		}
	}
	return best
}

const maxDistance = 4

// distance computes how many letters to insert, to leave out, to exchange or to
// swap with the next one make one word of another. It keeps its rows.
type distance struct{ rows [3][]int }

// of returns the distance, or something above limit if it is larger.
func (d *distance) of(a, b string, limit int) int {
	if diff := len(a) - len(b); diff > limit || -diff > limit {
		return limit + 1
	}
	for i := range d.rows {
		d.rows[i] = slices.Grow(d.rows[i][:0], len(b)+1)[:len(b)+1]
	}
	before, last, row := d.rows[0], d.rows[1], d.rows[2]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > limit {
			return limit + 1
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
