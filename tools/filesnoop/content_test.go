package main

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/tooltest"
	"github.com/ringside-tools/ringside/tools/filesnoop/rules"
)

// someBytes are random, the same ones every time.
func someBytes(n int) []byte {
	r := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.UintN(256))
	}
	return b
}

func TestContent(t *testing.T) {
	text := []byte(strings.Repeat("The quick brown fox jumps over 13 lazy dogs, and so on. ", 30))
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(someBytes(3000))
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(w.Close()))
	for _, test := range []struct {
		what    string
		sample  []byte
		content rules.Content
		least   int
		most    int
	}{
		{"nothing", nil, rules.Unknown, -1, -1},
		{"too little", someBytes(255), rules.Unknown, -1, -1},
		{"a header", []byte("\x1f\x8b\x08\x00"), rules.Packed, -1, -1},
		{"text", text[:1024], rules.Plain, 4000, 5000},
		{"little text", text[:256], rules.Plain, 4000, 5000},
		{"zeroes", make([]byte, 1024), rules.Plain, 0, 0},
		{"every byte four times", bytes.Repeat(everyByte(), 4), rules.Random, 8000, 8000},
		{"random", someBytes(1024), rules.Random, 7750, 7900},
		{"little of it", someBytes(256), rules.Random, 7050, 7300},
		{"with a header", append([]byte("AES\x02\x00\x00CREATED_BY\x00aescrypt 1"), someBytes(990)...), rules.Random, 7700, 7900},
		{"half of it", append(bytes.Repeat([]byte("x"), 512), someBytes(512)...), rules.Plain, 4000, 6000},
		{"gzip", packed.Bytes()[:1024], rules.Packed, 7000, 7900},
		{"base64", []byte(strings.Repeat("QUJDREVGabcdefgh0123+/", 40)), rules.Plain, 3000, 6100},
	} {
		entropy, content := lookAt(test.sample)
		qt.Check(t, qt.Equals(content, test.content), qt.Commentf("%s: %d", test.what, entropy))
		qt.Check(t, qt.IsTrue(entropy >= test.least && entropy <= test.most), qt.Commentf("%s: %d", test.what, entropy))
	}
}

func everyByte() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// TestContentOfRandom: of a thousand random samples all are random, at every size.
func TestContentOfRandom(t *testing.T) {
	b := someBytes(1 << 20)
	for n := sampleLeast; n <= sampleMost; n += 64 {
		for i := range 1000 {
			_, content := lookAt(b[i*1000 : i*1000+n])
			if content == rules.Packed { // a beginning by chance
				continue
			}
			qt.Assert(t, qt.Equals(content, rules.Random), qt.Commentf("%d bytes at %d", n, i*1000))
		}
	}
}

// TestEntropyShown: what is printed of it, and that --replay reads it.
func TestEntropyShown(t *testing.T) {
	h := tooltest.Host(t)
	wrote := func(b []byte) *record {
		return seen(opWrite, func(r *record) { r.sample, r.Bytes, r.Writes, r.Flags = string(b), 5000, 1, r.Flags|flagSize })
	}
	qt.Check(t, qt.Equals(show(t, h, "--entropy", wrote(someBytes(1024)), wrote(someBytes(9))),
		"PID    COMM             OP            BYTES CONTENT PATH\n"+
			"9662   cat              write          5000 random  /etc/passwd\n"+
			"9662   cat              write          5000 -       /etc/passwd\n"))
	text := show(t, h, "--entropy --json", wrote(someBytes(1024)))
	qt.Check(t, qt.StringContains(text, `"content":"random"`))
	again, _, _ := replayed(t, text, "--entropy --json")
	qt.Check(t, qt.Equals(again, text))
	_, stderr, code := execute(t, "--entropy", "--format", "opensnoop")
	qt.Check(t, qt.Equals(code, 2), qt.Commentf("%s", stderr))
}
