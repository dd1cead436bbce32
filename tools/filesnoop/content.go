package main

import (
	"bytes"
	"math"
	"sync"

	"github.com/ringside-tools/ringside/tools/filesnoop/rules"
)

// What the first bytes that were written tell.

// sampleLeast is SAMPLE_LEAST: with fewer bytes nothing can be said of their order.
// sampleMost is SAMPLE_MAX.
const (
	sampleLeast = 256
	sampleMost  = 1024
)

// entropyMost is that of bytes that are all alike probable, in thousandths of a bit.
const entropyMost = 8000

// contentNames are the values of the field content, by rules.Content.
var contentNames = []string{"", "plain", "packed", "random"}

// beginnings are those of formats whose bytes have no order: what compresses, and
// pictures, sounds, films and documents that are compressed.
var beginnings = []struct {
	at   int
	text string
}{
	{0, "\x1f\x8b"}, {0, "\x1f\x9d"}, {0, "\xfd7zXZ\x00"}, {0, "\x28\xb5\x2f\xfd"}, {0, "BZh"}, {0, "\x04\x22\x4d\x18"},
	{0, "\x02\x21\x4c\x18"}, {0, "\x5d\x00\x00"}, {0, "LZIP"}, {0, "\x89LZO"}, {0, "LRZI"}, {0, "PK\x03\x04"}, {0, "7z\xbc\xaf\x27\x1c"},
	{0, "Rar!"}, {0, "MSCF"}, {0, "hsqs"}, {0, "PACK"}, {0, "\x78\x01"}, {0, "\x78\x9c"}, {0, "\x78\xda"}, {0, "!<arch>\n"}, {0, "\xed\xab\xee\xdb"},
	{0, "\x89PNG"}, {0, "\xff\xd8\xff"}, {0, "GIF8"}, {0, "RIFF"}, {4, "ftyp"}, {0, "\x1aE\xdf\xa3"}, {0, "OggS"}, {0, "fLaC"}, {0, "ID3"},
	{0, "\xff\xfb"}, {0, "%PDF"}, {0, "wOFF"}, {0, "wOF2"}, {0, "SQLite format 3\x00"}, {0, "PAR1"}, {0, "Obj\x01"}, {0, "\x7fELF"},
}

// lookAt returns the entropy of a sample, -1 if it is too small, and what it is.
func lookAt(sample []byte) (entropy int, content rules.Content) {
	if len(sample) == 0 {
		return -1, rules.Unknown
	}
	format := false
	for _, b := range beginnings {
		format = format || len(sample) > b.at && bytes.HasPrefix(sample[b.at:], []byte(b.text))
	}
	switch {
	case len(sample) < sampleLeast && format:
		return -1, rules.Packed // the rest of it is written later
	case len(sample) < sampleLeast:
		return -1, rules.Unknown
	}
	h := entropyOf(sample)
	lack := expected()[min(len(sample), sampleMost)] - h
	switch {
	case format && lack < packedSlack:
		content = rules.Packed
	case lack > entropySlack:
		content = rules.Plain
	default:
		content = rules.Random
	}
	return int(math.Round(1000 * h)), content
}

// entropyOf is Shannon's, in bits for each byte.
func entropyOf(b []byte) float64 {
	var counts [256]int
	for _, c := range b {
		counts[c]++
	}
	sum := 0.0
	for _, n := range counts {
		if n > 0 {
			sum += float64(n) * math.Log2(float64(n))
		}
	}
	return math.Log2(float64(len(b))) - sum/float64(len(b))
}

// entropySlack is how much less than expected, in bits, still counts as random: five
// standard deviations at 256 bytes, and at 1024 a header of some 60 bytes.
const entropySlack = 0.25

// packedSlack is the same for what begins as a format that is known: of its headers, and
// of little that was compressed.
const packedSlack = 1

// expected is the entropy that so many random bytes have on average: less than 8 bits,
// since few bytes cannot have all values alike often. How often a value comes is
// close to a Poisson distribution. To compute all takes a millisecond, of which only
// --entropy has something.
var expected = sync.OnceValue(func() *[sampleMost + 1]float64 {
	out := new([sampleMost + 1]float64)
	const values, most = 256, 64 // nothing comes 64 times that is expected 4 times
	for n := 1; n <= sampleMost; n++ {
		mean := float64(n) / values
		probability, sum := math.Exp(-mean), 0.0 // of none
		for k := 1; k < most; k++ {
			probability *= mean / float64(k)
			sum += probability * float64(k) * math.Log2(float64(k))
		}
		out[n] = math.Log2(float64(n)) - values/float64(n)*sum
	}
	return out
})
