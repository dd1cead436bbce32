// Package job is what the host and the guest's PID 1 say to each other: the
// plan that the host writes to /jobs in the initramfs, the line that ends each
// job on the output channel, and the one status line that ends the boot.
//
// It imports nothing outside the standard library, because the guest's init is
// built from it and must stay small and free of BPF.
package job

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// PlanPath is where the guest's init finds its plan.
const PlanPath = "/jobs"

// A job that sends SIGUSR2 to the guest's init makes it read the file whose path is in
// InitReads; "ok" or the error is in InitRead then.
const (
	InitReads = "/run/init-reads"
	InitRead  = "/run/init-read"
)

// Busybox is where the guest finds its shell: below /usr, because a disk may
// have /bin as a link to it.
const Busybox = "/usr/bin/busybox"

// Exit codes that are not the job's own.
const (
	ExitTimeout  = 124 // the job was killed at its time limit
	ExitNoStatus = 125 // the guest did not come up, or died before its status line
	ExitNotFound = 127 // the job's binary could not be started
	exitSignal   = 128 // plus the signal's number, as in a shell
)

// Plan is everything the guest does between boot and power-off.
type Plan struct {
	Hostname string `json:"hostname"`
	// Output and Status are the guest's devices (such as /dev/ttyS1) for what
	// the jobs print and for the status line.
	Output string `json:"output"`
	Status string `json:"status"`
	// Modules are the paths of uncompressed .ko files, dependencies first.
	Modules []string `json:"modules,omitempty"`
	// Disk is the device of a file system to put below the root; "" for none.
	Disk string `json:"disk,omitempty"`
	// Env is added to every job's environment, as KEY=VALUE.
	Env  []string `json:"env,omitempty"`
	Jobs []Job    `json:"jobs"`
}

// Job is one process that the guest runs to its end.
type Job struct {
	Name string   `json:"name"`
	Args []string `json:"args"` // Args[0] is the path of the binary
	Dir  string   `json:"dir,omitempty"`
	Env  []string `json:"env,omitempty"`
	// Timeout ends the job with SIGKILL; zero means only the boot's own limit.
	Timeout time.Duration `json:"timeout_ns,omitempty"`
	// Quiet leaves out the result line, so that the output channel carries the
	// job's bytes and nothing else.
	Quiet bool `json:"quiet,omitempty"`
}

// Encode writes the plan as the guest reads it.
func (p *Plan) Encode(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		return fmt.Errorf("encode plan: %w", err)
	}
	return nil
}

// Decode reads a plan and refuses one that cannot be run.
func Decode(r io.Reader) (*Plan, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var p Plan
	if err := dec.Decode(&p); err != nil {
		return nil, fmt.Errorf("decode plan: %w", err)
	}
	for i, j := range p.Jobs {
		if len(j.Args) == 0 {
			return nil, fmt.Errorf("decode plan: job %d (%q) has no command", i, j.Name)
		}
		if strings.ContainsAny(j.Name, " \n") || j.Name == "" {
			return nil, fmt.Errorf("decode plan: job name %q must be one word", j.Name)
		}
	}
	return &p, nil
}

// Result is how one job ended.
type Result struct {
	Name     string
	Exit     int
	Duration time.Duration
}

// String is the line on the output channel: "=== job NAME exit CODE DURATION".
func (r Result) String() string {
	return fmt.Sprintf("=== job %s exit %d %s", r.Name, r.Exit, r.Duration.Round(time.Millisecond))
}

// ParseResult reads a line written by [Result.String].
func ParseResult(line string) (Result, bool) {
	f := strings.Fields(line)
	if len(f) != 6 || f[0] != "===" || f[1] != "job" || f[3] != "exit" {
		return Result{}, false
	}
	code, err := strconv.Atoi(f[4])
	if err != nil {
		return Result{}, false
	}
	d, err := time.ParseDuration(f[5])
	if err != nil {
		return Result{}, false
	}
	return Result{Name: f[2], Exit: code, Duration: d}, true
}

// SignalExit is the exit code reported for a job that a signal killed.
func SignalExit(signal int) int { return exitSignal + signal }

// Status is the boot's last word, on a channel of its own so that nothing a
// job prints can imitate it.
type Status struct {
	Exit    int     `json:"exit"`              // the first job's exit code that is not 0
	Release string  `json:"release"`           // uname -r
	Seconds float64 `json:"seconds"`           // guest clock from init's start to the end of the last job
	Problem string  `json:"problem,omitempty"` // what init itself could not do
}

// Line is the status as one line.
func (s Status) Line() []byte {
	b, err := json.Marshal(s)
	if err != nil { // only strings and finite numbers in there
		panic(err)
	}
	return append(b, '\n')
}

// ParseStatus reads the status channel. A line that was cut short is no status.
func ParseStatus(b []byte) (Status, error) {
	line, _, whole := bytes.Cut(b, []byte("\n"))
	if !whole {
		return Status{}, fmt.Errorf("read status line: %d bytes and no line end", len(b))
	}
	var s Status
	if err := json.Unmarshal(line, &s); err != nil {
		return Status{}, fmt.Errorf("read status line: %w", err)
	}
	return s, nil
}
