package uprobe

import (
	"errors"
	"os"
	"strconv"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// Links are the programs that were put into functions.
type Links struct {
	multi   bool // many functions by one link
	cookies bool
	kernel  *preflight.Kernel
	loaded  *loader.Loaded
	asking  map[string]*ebpf.ProgramSpec

	mu     sync.Mutex
	links  []link.Link
	own    []*ebpf.Program // made for one probe each
	closed bool
}

// NewLinks begins with none. multi says that one link is to take many functions (6.6), asking
// are the programs that ask for their cookie, as they were before anything was set.
func NewLinks(k *preflight.Kernel, l *loader.Loaded, multi bool, asking map[string]*ebpf.ProgramSpec) *Links {
	return &Links{multi: multi, cookies: multi || HasCookies(k), kernel: k, loaded: l, asking: asking}
}

// Points are where a program goes in a file.
type Points struct {
	Program string
	Offsets []uint64 // in the file
	Cookies []uint64 // of each; below 1<<31
	Returns bool     // to where the functions return
	PID     uint32   // only in this process; 0 for all
}

// Executable is an open file that probes can go to, whatever became of its name.
func Executable(file *os.File) (*link.Executable, error) {
	return link.OpenExecutable("/proc/self/fd/" + strconv.Itoa(int(file.Fd())))
}

// Attach puts a program in. After Close it does nothing.
func (l *Links) Attach(exe *link.Executable, at Points) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	p := l.loaded.Programs[at.Program]
	if l.multi {
		attach := exe.UprobeMulti
		if at.Returns {
			attach = exe.UretprobeMulti
		}
		lk, err := attach(nil, p, &link.UprobeMultiOptions{Addresses: at.Offsets, Cookies: at.Cookies, PID: at.PID})
		if err != nil {
			return err
		}
		l.links = append(l.links, lk)
		return nil
	}
	// Loading takes long, and so comes first: who is called while only some of them are in is not seen whole.
	programs := make([]*ebpf.Program, len(at.Offsets))
	for i := range programs {
		programs[i] = p
		if asking := l.asking[at.Program]; asking != nil && !l.cookies {
			var err error
			if programs[i], err = l.withCookie(asking, at.Cookies[i]); err != nil {
				return err
			}
		}
	}
	for i, offset := range at.Offsets {
		opts := &link.UprobeOptions{Address: offset, PID: int(at.PID)} // of which all threads are meant
		if l.cookies {
			opts.Cookie = at.Cookies[i]
		}
		attach := exe.Uprobe
		if at.Returns {
			attach = exe.Uretprobe
		}
		lk, err := attach(strconv.FormatUint(at.Cookies[i], 16), programs[i], opts)
		if err != nil {
			return err
		}
		l.links = append(l.links, lk)
	}
	return nil
}

// withCookie loads a program with its cookie in it, and with the maps of the others.
func (l *Links) withCookie(asking *ebpf.ProgramSpec, cookie uint64) (*ebpf.Program, error) {
	spec := asking.Copy()
	SetCookie(spec, cookie)
	loader.TaskStack(spec)
	p, err := l.loaded.LoadProgram(l.kernel, spec)
	if err != nil {
		return nil, err
	}
	l.own = append(l.own, p)
	return p, nil
}

// Close takes all out again.
func (l *Links) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	// The kernel lets each wait until nothing runs any more: all may wait at once.
	errs := make([]error, len(l.links))
	var wait sync.WaitGroup
	for i, lk := range l.links {
		wait.Go(func() { errs[i] = lk.Close() })
	}
	wait.Wait()
	for _, p := range l.own {
		errs = append(errs, p.Close())
	}
	l.links, l.own = nil, nil
	return errors.Join(errs...)
}
