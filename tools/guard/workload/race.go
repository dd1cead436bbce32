package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

var raceOps = map[string]operation{
	"deep":         deep,
	"swap":         swap,
	"threads-open": threadsOpen,
	"loop-open":    loopOpen,
}

// deep makes directories within directories, without a path that would be too
// long, and reads a file at the bottom. What is there already is taken.
func deep(c *call) (string, error) {
	fd, err := open(c.args[2], unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return "", at("O_PATH", err)
	}
	for range number(c.args[0]) {
		made := unix.Mkdirat(fd, c.args[1], 0o755)
		next, err := unix.Openat(fd, c.args[1], unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		unix.Close(fd)
		if err == unix.ENOENT && made != nil {
			return "", at("mkdir", made)
		}
		if err != nil {
			return "", at("O_PATH", err)
		}
		fd = next
	}
	defer unix.Close(fd)
	const name = "bottom"
	bottom, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != unix.ENOENT {
		return readOpened(bottom, err)
	}
	if bottom, err = unix.Openat(fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o644); err != nil {
		return "", at("create", err)
	}
	_, err = writeText(bottom, "workload\n")
	unix.Close(bottom)
	if err != nil {
		return "", err
	}
	return readOpened(unix.Openat(fd, name, unix.O_RDONLY|unix.O_CLOEXEC, 0))
}

// tally counts outcomes by name.
type tally map[string]int

func (t tally) add(other tally) {
	for name, n := range other {
		t[name] += n
	}
}

// text has the given names first, also those that were not seen.
func (t tally) text(first ...string) string {
	var rest []string
	for name := range t {
		if !slices.Contains(first, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	var b strings.Builder
	for _, name := range append(first, rest...) {
		fmt.Fprintf(&b, " %s=%d", name, t[name])
	}
	return strings.TrimSpace(b.String())
}

// opener opens the same path many times and takes no memory for it, since none
// is collected.
type opener struct {
	path *byte
	seen tally
}

func newOpener(path string) *opener { return &opener{pointers([]string{path})[0], tally{}} }

// cwd is the working directory; a variable, because a constant of -100 is no uintptr.
var cwd = unix.AT_FDCWD

// open counts one open. It returns the descriptor, or -1.
func (o *opener) open() int {
	fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(cwd), uintptr(unsafe.Pointer(o.path)), unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
	if errno != 0 {
		o.seen[outcome(errno)]++
		return -1
	}
	return int(fd)
}

// close counts one that succeeded.
func (o *opener) close(fd int, as string) {
	o.seen[as]++
	unix.Close(fd)
}

func (o *opener) once() {
	if fd := o.open(); fd >= 0 {
		o.close(fd, "opened")
	}
}

// swap exchanges two paths as fast as it can, while another thread opens a path
// that leads through one of them. Names in the tally are what was read.
func swap(c *call) (string, error) {
	a, b := pointers(c.args[:1])[0], pointers(c.args[1:2])[0]
	end := time.Now().Add(time.Duration(number(c.args[3])) * time.Second)
	o := newOpener(c.args[2])
	exchanges, failures := 0, tally{}
	exchange := func() {
		_, _, errno := unix.Syscall6(unix.SYS_RENAMEAT2, uintptr(cwd), uintptr(unsafe.Pointer(a)),
			uintptr(cwd), uintptr(unsafe.Pointer(b)), unix.RENAME_EXCHANGE, 0)
		if errno != 0 {
			failures["exchange-"+outcome(errno)]++
			return
		}
		exchanges++
	}
	inThreads(2, func(i int) {
		for time.Now().Before(end) {
			if i == 0 {
				exchange()
				continue
			}
			fd := o.open()
			if fd < 0 {
				continue
			}
			o.close(fd, firstWord(fd))
		}
	})
	for tries := 0; exchanges%2 != 0 && tries < 100; tries++ { // leave them as they were
		exchange()
	}
	runtime.KeepAlive(b)
	o.seen.add(failures)
	o.seen["exchanges"] = exchanges
	return o.seen.text("exchanges"), nil
}

// words are those that firstWord has returned already.
var words = map[[16]byte]string{}

// firstWord is what a file begins with.
func firstWord(fd int) string {
	var b [16]byte
	n, err := unix.Read(fd, b[:])
	if err != nil {
		return "read-" + outcome(err)
	}
	w, ok := words[b]
	if !ok {
		w = "empty"
		if f := strings.Fields(string(b[:n])); len(f) > 0 {
			w = f[0]
		}
		words[b] = w
	}
	return w
}

func threadsOpen(c *call) (string, error) {
	all := make([]*opener, number(c.args[0]))
	times := number(c.args[1])
	for i := range all {
		all[i] = newOpener(c.args[2])
	}
	inThreads(len(all), func(i int) {
		for range times {
			all[i].once()
		}
	})
	sum := tally{}
	for _, o := range all {
		sum.add(o.seen)
	}
	return sum.text("opened", "EPERM"), nil
}

// loopOpen opens until stdin ends. It prints "ready" once it has begun, and
// for each word on stdin what it counted since the last.
func loopOpen(c *call) (string, error) {
	const burst = 16 // between looks at stdin
	o := newOpener(c.args[0])
	for round := 0; ; round++ {
		for range burst {
			o.once()
		}
		if round == 0 {
			say("ready\n")
		}
		fds := []unix.PollFd{{Fd: 0, Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 0); err != nil || n == 0 {
			continue
		}
		if !readWord() {
			return o.seen.text("opened", "EPERM"), nil
		}
		tell(c.name, o.seen.text("opened", "EPERM"), nil)
		clear(o.seen)
	}
}
