package trace

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
)

// Totals are what programs added up in their maps, printed when tracing has
// ended. [Rows] are the usual kind.
type Totals interface {
	// Print writes all of it and returns how many events it stands for. In the
	// account they are told as counted.
	Print(env *command.Env, h *Host, maps map[string]*ebpf.Map) (events uint64, err error)
}

// Rows are totals with a row of type R for each thing that was counted.
type Rows[R any] struct {
	Fields  []output.Field[R]
	Columns []output.Column[R]
	// Collect reads the maps. It returns the rows in the order in which they are
	// to be printed, and how many events they stand for.
	Collect func(h *Host, maps map[string]*ebpf.Map) (rows []R, events uint64, err error)
}

// Print writes the rows in the format that env asks for.
func (t *Rows[R]) Print(env *command.Env, h *Host, maps map[string]*ebpf.Map) (uint64, error) {
	rows, events, err := t.Collect(h, maps)
	if err != nil {
		return 0, err
	}
	w, err := output.New(env.Stdout, env.Format, env.Name, t.Fields, t.Columns, nil)
	if err != nil {
		return 0, err
	}
	if err := w.Header(); err != nil {
		return 0, err
	}
	for i := range rows {
		if err := w.Event(&rows[i]); err != nil {
			return 0, err
		}
	}
	return events, w.Flush()
}

// TotalFields returns the fields that every row of totals begins with.
func TotalFields[R any](tool string) []output.Field[R] {
	return []output.Field[R]{
		{Name: "time", Type: output.TypeTime, Doc: "When it was added up, in UTC.",
			Get: func(*R) output.Value { return output.Time(time.Now().UnixNano()) }},
		{Name: "tool", Type: output.TypeText, Doc: "The command that counted.",
			Get: func(*R) output.Value { return output.Text(tool) }},
		{Name: "type", Type: output.TypeText, Enum: []string{"total"}, Doc: "The type of the line: total.",
			Get: func(*R) output.Value { return output.Text("total") }},
	}
}

// printTotals prints them, and returns how many events they stand for.
func (s *session[E]) printTotals() (uint64, error) {
	events, err := s.tool.Totals.Print(s.env, s.host, s.loaded.Maps)
	if err != nil {
		return 0, fmt.Errorf("print totals: %w", err)
	}
	return events, nil
}
