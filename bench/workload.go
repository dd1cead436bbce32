package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// workload is what people do all day, as a line of shell in the folder of
// workFiles.
type workload struct {
	name  string
	line  string
	times int // so that it takes a second or so of an ordinary machine
}

// The workloads. All of them succeed, or the shell ends. (tar looks at no file
// if its archive is /dev/null.)
var (
	makeWork  = workload{"make", "make -s -B -j2", 1}
	findWork  = workload{"find and xargs", "find include -name '*.h' | xargs -n 4 wc -l >../counted", 1}
	tarWork   = workload{"tar", "tar -cf ../archive.tar include", 15}
	gitWork   = workload{"git status", "git status >../status", 40}
	grepWork  = workload{"grep -r", "grep -r RING_30_40_SIZE include >../found", 25}
	workTools = []string{"gcc", "git", "make"} // packages
)

const (
	workFolders = 60
	workHeaders = 50 // in each folder
	workSources = 40
)

// loop is the line, as often as it is done.
func (w workload) loop(times int) string {
	return fmt.Sprintf("n=0; while [ $n -lt %d ]; do %s; n=$((n+1)); done", times, w.line)
}

// timesOf is how often a workload is done: where loads are small, this one is too.
func (b *bench) timesOf(w workload) int { return max(w.times*b.overhead/fullSizes.overhead, 1) }

// doWork does a workload and tells the CPU time that it took, with all that it
// ran.
func (b *bench) doWork(w workload) (time.Duration, error) {
	return b.shell(b.workDir(), w.loop(b.timesOf(w)))
}

func (b *bench) workDir() string { return filepath.Join(b.dir, "work", "project") }

// shell runs a line to its end.
func (b *bench) shell(dir, line string) (cpu time.Duration, err error) {
	cmd := exec.CommandContext(b.ctx, "/bin/sh", "-ec", line)
	cmd.Dir = dir
	// Nobody's settings of git, and names of files as bytes.
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+dir, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", line, err, out)
	}
	// Of the shell and of all that it has waited for.
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// prepareWork makes the files, once, and does each workload: the next time all
// is in the page cache.
func (b *bench) prepareWork(workloads []workload) error {
	if _, err := os.Stat(b.workDir()); err != nil {
		if err := workFiles(b.workDir()); err != nil {
			return err
		}
		commit := "git init -q; git -c core.fsync=none add -A; git -c core.fsync=none -c user.name=bench -c user.email=bench@localhost commit -q -m all"
		if _, err := b.shell(b.workDir(), commit); err != nil {
			return err
		}
	}
	for _, w := range workloads {
		if _, err := b.shell(b.workDir(), w.loop(1)); err != nil {
			return err
		}
	}
	return nil
}

// workFiles writes a project: headers as a kernel has them, some thousand, and
// a few sources that include some of them. It needs no library's headers, and is
// linked to an archive, as the parts of a kernel are.
func workFiles(dir string) error {
	files := map[string]string{
		"Makefile": `SOURCES := $(wildcard *.c)
built-in.a: $(SOURCES:.c=.o)
	$(AR) rcs $@ $^
%.o: %.c
	$(CC) -O1 -ffreestanding -Iinclude -MMD -c -o $@ $<
`,
		".gitignore": "*.[oad]\n",
	}
	for i := range workFolders {
		for j := range workHeaders {
			files[headerName(i, j)] = header(i, j)
		}
	}
	for i := range workSources {
		files[fmt.Sprintf("part%02d.c", i)] = source(i)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write the project: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write the project: %w", err)
		}
	}
	return nil
}

func headerName(i, j int) string { return fmt.Sprintf("include/sub%02d/ring%02d.h", i, j) }

// header is one of them; it includes three with lower numbers.
func header(i, j int) string {
	var b strings.Builder
	name := fmt.Sprintf("%02d_%02d", i, j)
	fmt.Fprintf(&b, "/* Ring %s of the project. */\n#ifndef RING_%s\n#define RING_%s\n\n", name, name, name)
	for k := 1; k <= 3 && j >= 7*k; k++ {
		fmt.Fprintf(&b, "#include \"sub%02d/ring%02d.h\"\n", (i+k)%workFolders, j-7*k)
	}
	fmt.Fprintf(&b, "\n#define RING_%s_SIZE %d\n", name, 16+j)
	for k := range 8 {
		fmt.Fprintf(&b, "#define RING_%s_FLAG_%d (1U << %d) /* flag %d of the ring */\n", name, k, k, k)
	}
	fmt.Fprintf(&b, "\nstruct ring_%s {\n\tunsigned int head, tail;\n\tlong slots[RING_%s_SIZE];\n};\n", name, name)
	fmt.Fprintf(&b, `
static inline long ring_%s_take(struct ring_%s *ring)
{
	if (ring->head == ring->tail)
		return -1;
	return ring->slots[ring->tail++ %% RING_%s_SIZE];
}

#endif
`, name, name, name)
	return b.String()
}

// source is a file that uses some headers.
func source(i int) string {
	var b strings.Builder
	const used = 3
	for k := range used {
		fmt.Fprintf(&b, "#include \"sub%02d/ring%02d.h\"\n", (i+11*k)%workFolders, workHeaders-1-k)
	}
	for k := range used {
		name := fmt.Sprintf("%02d_%02d", (i+11*k)%workFolders, workHeaders-1-k)
		fmt.Fprintf(&b, `
long part%02d_sum_%s(struct ring_%s *ring)
{
	long sum = 0, value;

	while ((value = ring_%s_take(ring)) >= 0)
		sum += value & RING_%s_FLAG_3 ? value : -value;
	return sum;
}
`, i, name, name, name, name)
	}
	return b.String()
}
