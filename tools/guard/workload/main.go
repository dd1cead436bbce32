// The runtime is not to keep files of cgroups open: descriptor 3 is ours.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

package main

import (
	_ "embed"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// Usages are read from the comment in doc.go, so that there is one list.
//
//go:embed doc.go
var doc string

func init() {
	runtime.LockOSThread() // operations act on the leader, and on no other thread
	// For fork.go: nothing runs in a child but the thread that called fork.
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(-1)
	// The runtime interrupts threads that have run for 10 ms, and with them the
	// call that is being tried.
	block := unix.Sigset_t{}
	block.Val[0] = 1 << (unix.SIGURG - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, nil); err != nil {
		panic(err)
	}
}

// call is one operation with its arguments.
type call struct {
	name string
	args []string
}

// arg is argument i, or otherwise where there is none.
func (c *call) arg(i int, otherwise string) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return otherwise
}

// operation does what its name says and returns what is to be told of it.
type operation func(c *call) (detail string, err error)

// prefix does something to the process and goes on with the calls behind it.
// It is silent unless it fails, or tells more itself.
type prefix func(c *call, rest func()) error

// merge makes one table of several.
func merge[T any](tables ...map[string]T) map[string]T {
	all := map[string]T{}
	for _, t := range tables {
		for name, f := range t {
			all[name] = f
		}
	}
	return all
}

var (
	operations map[string]operation
	prefixes   map[string]prefix
)

func init() { // not where they are declared: the functions refer to the tables
	operations = merge(fileOps, pathOps, wayOps, heldOps, raceOps, descriptorOps, execOps, mappingOps,
		connectOps, sendOps, bindOps, uringOps, mountOps, mountAPIOps, identityOps, selfOps)
	prefixes = merge(processPrefixes, identityPrefixes)
}

func main() {
	var words []string
	if len(os.Args) > 0 { // it can be executed without any argument
		words = os.Args[1:]
	}
	calls, err := parse(words)
	if err != nil {
		wrong("%v", err)
	}
	run(calls)
}

// wrong ends the program for wrong usage.
func wrong(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "workload: "+format+"\n", args...)
	os.Exit(2)
}

// run does the calls, one after the other.
func run(calls []call) {
	for i := range calls {
		c := &calls[i]
		if p, ok := prefixes[c.name]; ok {
			if err := p(c, func() { run(calls[i+1:]) }); err != nil {
				tell(c.name, "", err)
			}
			return
		}
		detail, err := operations[c.name](c)
		if err != errTold {
			tell(c.name, detail, err)
		}
	}
}

// stepError says that it was not the last step of an operation that failed.
type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return outcome(e.err) + " " + e.step }

// at names the step that failed, if it did.
func at(step string, err error) error {
	if err == nil {
		return nil
	}
	return &stepError{step, err}
}

// toldError is the error of an operation that printed its lines itself.
type toldError struct{}

func (toldError) Error() string { return "told" }

var errTold error = toldError{}

// outcome is the name of an errno, or the text of another error.
func outcome(err error) string {
	errno, ok := err.(unix.Errno)
	if !ok {
		return err.Error()
	}
	if name := unix.ErrnoName(errno); name != "" {
		return name
	}
	return fmt.Sprintf("errno-%d", int(errno))
}

// line is what is printed of one operation.
func line(name, detail string, err error) string {
	if err != nil {
		return name + ": " + outcome(err) + "\n"
	}
	return strings.TrimSuffix(name+": ok "+detail, " ") + "\n"
}

// tell prints the line of an operation in one write: several processes can
// print into the same pipe.
func tell(name, detail string, err error) { say(line(name, detail, err)) }

func say(s string) {
	for b := []byte(s); len(b) > 0; {
		n, err := unix.Write(1, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return
		}
		b = b[n:]
	}
}
