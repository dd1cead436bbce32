package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// The documents that the bulk ways work on: so many, in so many directories.
const (
	documents   = 400
	directories = 40
)

// endings are the kinds of documents, with how the content of such a file begins.
var endings = []struct{ name, magic string }{
	{".txt", ""}, {".csv", ""}, {".md", ""}, {".html", "<!DOCTYPE html>\n"}, {".xml", "<?xml version=\"1.0\"?>\n"},
	{".jpg", "\xff\xd8\xff\xe0\x00\x10JFIF"}, {".docx", "PK\x03\x04\x14\x00"}, {".pdf", "%PDF-1.7\n"},
}

// corpus writes documents d0/doc0.txt and so on below the working directory, the
// same ones every time: five kinds of text, and three of bytes without order behind
// the beginning of their kind.
func corpus() {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range documents {
		kind := endings[r.IntN(len(endings))]
		dir := fmt.Sprintf("d%d", i%directories)
		check(os.MkdirAll(dir, 0o755))
		size := 1024 + r.IntN(30<<10)
		b := []byte(kind.magic)
		if kind.magic != "" && kind.magic[0] != '<' {
			for len(b) < size {
				b = append(b, byte(r.UintN(256)))
			}
		}
		for len(b) < size {
			word := make([]byte, 2+r.IntN(8))
			for k := range word {
				word[k] = "etaoinshrdlu"[min(r.IntN(12), r.IntN(12))]
			}
			b = append(append(b, word...), " \n,"[min(r.IntN(3), r.IntN(3))])
		}
		check(os.WriteFile(filepath.Join(dir, fmt.Sprintf("doc%d%s", i, kind.name)), b, 0o644))
	}
}

// each calls use for every document, by directory.
func each(use func(name string)) {
	names, err := filepath.Glob("d*/*")
	check(err)
	slices.Sort(names)
	for _, name := range names {
		use(name)
	}
}

// read is the content of a document.
func read(name string) []byte {
	b, err := os.ReadFile(name)
	check(err)
	return b
}

// write makes a file, or empties the one that is there.
func write(name string, b []byte) { check(os.WriteFile(name, b, 0o644)) }

// plain is content that has changed and is no worse to read.
func plain(b []byte) []byte { return bytes.ReplaceAll(b, []byte("the"), []byte("THE")) }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		os.Exit(1)
	}
}
