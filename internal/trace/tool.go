// Package trace runs a command that follows the kernel: it is the way of an
// event from the hook to stdout.
//
//	kernel hook -> filter -> record -> ring -> events.Source -> decode -> enrich -> output
//
// A command supplies what is its own (the BPF object, the ladder of hooks, how
// a record decodes, its fields and columns) as a [Tool]; everything else is
// the same for all and lives here: privileges, filters, loading, loss, the end.
package trace

import (
	"errors"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/process"
)

// Tool is a tracing command whose events are of type E.
type Tool[E any] struct {
	// Object has the bytes of the object file.
	Object []byte
	// Set writes the command's own constants into the object.
	Set func(*ebpf.CollectionSpec) error
	// Hooks are the ladders that the command stands on.
	Hooks []loader.Hook
	// Needs are the capabilities that it takes, beyond which none is used.
	Needs []preflight.Need
	// Attach, if not nil, attaches what the loader cannot, such as probes of user
	// space, once the programs of the hooks are attached. What ends with the
	// programs it hands to [loader.Loaded.Own].
	Attach func(k *preflight.Kernel, l *loader.Loaded) error
	// Decode reads a record into e, which is reused from event to event. It
	// returns [ErrNoEvent] for a record that only tells the command something.
	Decode func(h *Host, raw []byte, e *E) error
	// Keep decides in user space what the kernel cannot, such as regular
	// expressions; nil keeps all. What it drops is counted as filtered.
	Keep func(*E) bool
	// Expand, if not nil, stands between an event that is kept and the output: it
	// hands over what is to be printed for it, which may be several events, or none
	// because later ones are needed. The account then has what was read in place of
	// what was printed.
	Expand func(e *E, print func(*E) error) error
	// Rest, if not nil, hands over what Expand has held back for too long, or at the
	// end all of it.
	Rest func(end bool, print func(*E) error) error
	// Late, if not nil, says of how much of what Expand was given it turned out later
	// that it is filtered, and how much will not be printed since enough was.
	Late func() (filtered, unread uint64)
	// Existing, if not nil, returns what was there before tracing began, to be
	// printed first. It is called with the programs attached and all privileges;
	// each of its events counts as seen.
	Existing func(h *Host) ([]*E, error)
	// Ended, if not nil, is called when all is printed. What it returns ends the
	// command, a [command.Answer] with the exit code that it has.
	Ended func() error
	// Fields are all that is known of an event; Columns are the table.
	Fields  []output.Field[E]
	Columns []output.Column[E]
	// Below writes lines below an event's row of the table; nil for none.
	Below func(*output.Cell, *E)
	// Pending is the name of the map with events that have begun: what is left in
	// it when nothing runs any more has ended unseen, and counts as lost. "" for
	// none.
	Pending string
	// RunAs is the user that a COMMAND on the command line runs as, with all
	// capabilities; "" for ours.
	RunAs string
	// Unfinished, if not nil, is called when tracing has ended and all that was
	// sent is printed. It hands over what the programs have begun in their maps
	// and counted as seen, and not yet sent.
	Unfinished func(maps map[string]*ebpf.Map, record func(raw []byte) error) error
	// Remark, if not nil, adds to the account what else there is to tell, such as
	// what was lost that is no event; "" for nothing.
	Remark func(maps map[string]*ebpf.Map) (string, error)
	// Totals, if not nil, are printed at the end in place of events: what the
	// programs have added up in their maps.
	Totals Totals
}

// ErrNoEvent says that a record is not an event: it is not printed, and the
// program that sent it has not counted it as seen.
var ErrNoEvent = errors.New("not an event")

// Host is what decoding may ask about this machine.
type Host struct {
	Clock      *events.Clock
	Users      *process.Users
	Containers *process.Containers
	Started    int64 // wall-clock nanoseconds when tracing began
}

// BaseNeeds are the capabilities of every tracing command.
func BaseNeeds() []preflight.Need {
	return []preflight.Need{
		{Cap: preflight.BPF, Why: "load BPF programs and make maps"},
		{Cap: preflight.Perfmon, Why: "attach them to tracepoints and functions, and read kernel memory"},
	}
}
