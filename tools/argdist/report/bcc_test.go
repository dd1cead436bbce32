package report

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// TestAsBCC prints what argdist of bcc 0.26 has printed, as it is in testdata, of a
// program that writes 0 to 100 bytes, and 53 times 2^(n%20), puts strings and
// allocates n*2^33 bytes for n up to 10. The order of rows that were seen equally
// often is left to chance there.
func TestAsBCC(t *testing.T) {
	var sizes []uint64
	for n := range uint64(101) {
		sizes = append(sizes, n)
	}
	for n := range 53 {
		sizes = append(sizes, 1<<(n%20))
	}
	small := make(map[uint64]uint64)
	count := Table{Spec: "p:c:write(int fd, const void *buf, size_t count):int,size_t:fd,count:count<5", Exprs: []string{"fd", "count"}}
	writes := Table{Kind: Log2, Value: "count"}
	var buckets []Bucket
	for _, n := range sizes {
		buckets = append(buckets, Bucket{SlotUnsigned(n), 1})
		if n < 5 {
			small[n]++
		}
	}
	for n, times := range small {
		count.Rows = append(count.Rows, Row{Key: []Value{Int(9), Uint(n)}, Count: times})
	}
	writes.Rows = []Row{{Buckets: buckets}}
	mallocs := Table{Kind: Log2, Value: "size", Label: "sizes", Rows: []Row{{Buckets: []Bucket{{SlotUnsigned(4096), 1}}}}} // stdio's own
	for n := range uint64(11) {
		mallocs.Rows[0].Buckets = append(mallocs.Rows[0].Buckets, Bucket{SlotUnsigned(n << 33), 1})
	}
	strings := Table{Spec: "p:c:puts(char *str):char*:str", Exprs: []string{"str"}, Rows: []Row{
		{Key: []Value{Text([]byte("hello world"))}, Count: 7},
		{Key: []Value{Text([]byte("it's \"q\" \\ \n\t\x1b[1m\xc3\xa9\xff"))}, Count: 5},
		{Key: []Value{Text([]byte("it's"))}, Count: 3},
		{Key: []Value{Text(nil)}, Count: 2},
	}}
	for name, table := range map[string]Table{"count": count, "sizes": writes, "wide": mallocs, "strings": strings} {
		want, err := os.ReadFile("testdata/bcc_" + name + ".txt")
		qt.Assert(t, qt.IsNil(err))
		got, recorded := printed(t, false, table), string(want)
		if name == "count" {
			got, recorded = sorted(got), sorted(recorded)
		}
		qt.Check(t, qt.Equals(got, recorded), qt.Commentf("%s", name))
	}
}

func sorted(text string) string {
	lines := strings.SplitAfter(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}
