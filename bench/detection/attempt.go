package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// outcome is what came of one run of a workload.
type outcome struct {
	Workload string   `json:"workload"`
	Mode     string   `json:"mode"`   // flags of filesnoop besides --json
	Kernel   string   `json:"kernel"` // its release
	Rules    []string `json:"rules"`  // that raised an alarm, in order
	// Touched is how many documents had been opened for writing, deleted or renamed
	// by the event that raised the first alarm, that one included.
	Touched  int     `json:"touched"`
	Events   uint64  `json:"events"` // that the kernel saw, those of the machine included
	Lost     uint64  `json:"lost"`
	Seconds  float64 `json:"seconds"`
	Finished bool    `json:"finished"` // it was not stopped after the alarm, nor for time
	Problem  string  `json:"problem,omitempty"`
}

const (
	startPatience = 2 * time.Minute
	runPatience   = 6 * time.Minute
	afterAlarm    = 2 * time.Second // an attack goes on so long, for other rules
)

// attempt runs a workload once under filesnoop. Its events stay in a file of keep,
// if that is a directory.
func attempt(ctx context.Context, w workload, mode, keep string, n int) (out outcome, err error) {
	out = outcome{Workload: w.name, Mode: mode}
	dir, err := os.MkdirTemp("", "detection-")
	if err != nil {
		return out, fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return out, err
	}
	work, docs := filepath.Join(dir, "W"), filepath.Join(dir, "W", "D")
	if err := os.MkdirAll(docs, 0o755); err != nil {
		return out, err
	}
	env := append(os.Environ(), "D="+docs, "W="+work, "HOME="+dir, "LC_ALL=C")
	if b, err := exec.CommandContext(ctx, "filesnoop-workload", docs, "corpus").CombinedOutput(); err != nil {
		return out, fmt.Errorf("make documents: %w: %s", err, b)
	}
	if b, err := script(ctx, w.prep, work, env).CombinedOutput(); err != nil {
		return out, fmt.Errorf("%s: prepare: %w: %s", w.name, err, b)
	}
	events := filepath.Join(dir, "events")
	if keep != "" {
		events = filepath.Join(keep, fmt.Sprintf("%s%s.%d.jsonl", w.name, strings.ReplaceAll(mode, " ", ""), n))
	}
	s, err := startSnoop(ctx, mode, events)
	if err != nil {
		return out, err
	}
	defer s.kill()
	start := time.Now()
	problem, finished := runWatched(ctx, script(ctx, w.run, work, env), events, w.kind != benign)
	out.Seconds, out.Finished, out.Problem = time.Since(start).Seconds(), finished, problem
	if out.Events, out.Lost, err = s.stop(); err != nil {
		return out, err
	}
	out.Rules, out.Touched, err = judged(events, docs)
	return out, err
}

func script(ctx context.Context, text, dir string, env []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-c", text)
	cmd.Dir, cmd.Env = dir, env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// runWatched runs a script. One that may be stopped is, some time after an alarm.
func runWatched(ctx context.Context, cmd *exec.Cmd, events string, stop bool) (problem string, finished bool) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return err.Error(), false
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	end := time.After(runPatience)
	var alarm <-chan time.Time
	for at := int64(0); ; {
		select {
		case err := <-done:
			if err != nil {
				return fmt.Sprintf("%v: %s", err, bytes.TrimSpace(stderr.Bytes())), false
			}
			return "", true
		case <-end:
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-done
			return "took too long", false
		case <-alarm:
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-done
			return "", false
		case <-time.After(100 * time.Millisecond):
			if !stop || alarm != nil {
				continue
			}
			var found bool
			if found, at = alarmSince(events, at); found {
				alarm = time.After(afterAlarm)
			}
		}
	}
}

// alarmMark is in the lines of events that raised an alarm, and in no others.
const alarmMark = `"alert":"`

// alarmSince looks for an alarm in what was written since an offset.
func alarmSince(path string, from int64) (bool, int64) {
	f, err := os.Open(path)
	if err != nil {
		return false, from
	}
	defer f.Close()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return false, from
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return false, from
	}
	whole := bytes.LastIndexByte(b, '\n') + 1
	return bytes.Contains(b[:whole], []byte(alarmMark)), from + int64(whole)
}

// snoop is a filesnoop that runs.
type snoop struct {
	cmd    *exec.Cmd
	stderr *os.File
	out    *os.File
}

func startSnoop(ctx context.Context, mode, events string) (*snoop, error) {
	out, err := os.Create(events)
	if err != nil {
		return nil, fmt.Errorf("keep events: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	cmd := exec.CommandContext(ctx, "filesnoop", append([]string{"--json"}, strings.Fields(mode)...)...)
	cmd.Stdout, cmd.Stderr = out, w
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start filesnoop: %w", err)
	}
	s := &snoop{cmd: cmd, stderr: r, out: out}
	if err := r.SetReadDeadline(time.Now().Add(startPatience)); err != nil {
		return nil, err
	}
	var told []byte
	for b := make([]byte, 4096); !bytes.Contains(told, []byte("tracing, Ctrl-C")); {
		n, err := r.Read(b)
		told = append(told, b[:n]...)
		if err != nil {
			s.kill()
			return nil, fmt.Errorf("start filesnoop: %w: %s", err, told)
		}
	}
	return s, nil
}

func (s *snoop) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.stderr.Close()
	s.out.Close()
}

var account = regexp.MustCompile(`(\d+) seen = \d+ printed \+ \d+ filtered \+ (\d+) lost`)

// stop ends it as Ctrl-C does, and returns its account.
func (s *snoop) stop() (seen, lost uint64, err error) {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		return 0, 0, fmt.Errorf("end filesnoop: %w", err)
	}
	if err := s.stderr.SetReadDeadline(time.Now().Add(startPatience)); err != nil {
		return 0, 0, err
	}
	text, err := io.ReadAll(s.stderr)
	if err != nil {
		return 0, 0, fmt.Errorf("read filesnoop's account: %w", err)
	}
	if err := s.cmd.Wait(); err != nil {
		return 0, 0, fmt.Errorf("filesnoop: %w: %s", err, text)
	}
	m := account.FindSubmatch(text)
	if m == nil {
		return 0, 0, fmt.Errorf("no account in what filesnoop said: %s", text)
	}
	if _, err := fmt.Sscan(string(m[1])+" "+string(m[2]), &seen, &lost); err != nil {
		return 0, 0, err
	}
	return seen, lost, nil
}

// document is the number of one in its path.
var document = regexp.MustCompile(`/(?:doc|file)(\d+)\b`)

// judged reads the events: which rules raised an alarm, and how many documents had
// been touched by the first one.
func judged(path, docs string) (rules []string, touched int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	seen := make(map[string]bool)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return rules, touched, nil
		}
		if err != nil {
			return rules, touched, fmt.Errorf("read events: %w", err)
		}
		alarm := bytes.Contains(line, []byte(alarmMark))
		if !alarm && (len(rules) > 0 || !bytes.Contains(line, []byte(docs))) {
			continue // most of them, and parsing takes emulated machines long
		}
		var e struct {
			Op    string   `json:"op"`
			Ret   int      `json:"ret"`
			Path  string   `json:"path"`
			Path2 string   `json:"path2"`
			Flags []string `json:"flags"`
			Alert string   `json:"alert"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return rules, touched, fmt.Errorf("read events: %w: %s", err, line)
		}
		if len(rules) == 0 {
			writing := e.Op == "open" && (slices.Contains(e.Flags, "O_RDWR") || slices.Contains(e.Flags, "O_WRONLY"))
			if e.Ret >= 0 && (writing || e.Op == "delete" || e.Op == "rename") {
				for _, p := range []string{e.Path, e.Path2} {
					if m := document.FindStringSubmatch(p); m != nil && strings.HasPrefix(p, docs) {
						seen[m[1]] = true
					}
				}
			}
			touched = len(seen)
		}
		if e.Alert != "" {
			rules = append(rules, e.Alert)
		}
	}
}
