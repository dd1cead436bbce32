package trace

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// Verdict is what every --check begins with: whether a real run would work.
type Verdict struct {
	Tool     string  `json:"tool"`
	Kernel   string  `json:"kernel"`
	OK       bool    `json:"ok"`
	ExitCode int     `json:"exit_code"`
	Error    *string `json:"error"`
	Remedy   *string `json:"remedy"`
}

// NewVerdict is that of a run that ended with err.
func NewVerdict(tool string, err error) Verdict {
	v := Verdict{Tool: tool, Kernel: preflight.Release(), OK: err == nil, ExitCode: command.ExitCode(err)}
	if err != nil {
		v.Error, v.Remedy = output.VisibleOrNil(err.Error()), output.VisibleOrNil(command.Remedy(err))
	}
	return v
}

// Capability is one that a command needs, and whether it has it.
type Capability struct {
	Name string `json:"name"`
	Why  string `json:"why"`
	Have bool   `json:"have"`
}

// HeldCapabilities are the needs as they stand on this kernel.
func HeldCapabilities(needs []preflight.Need) []Capability {
	held := []Capability{}
	for _, n := range preflight.Status(needs) {
		held = append(held, Capability{n.Cap.String(), n.Why, n.Have})
	}
	return held
}

// WriteCheck writes a report that begins with the verdict: as JSON, or in lines, of
// which the command's own come last.
func WriteCheck(w io.Writer, format string, report any, v *Verdict, held []Capability, lines []string) error {
	if format == "json" {
		b, err := json.Marshal(report)
		if err != nil {
			return fmt.Errorf("encode report: %w", err)
		}
		_, err = fmt.Fprintf(w, "%s\n", b)
		return err
	}
	answer := "can run"
	if !v.OK {
		answer = "cannot run"
	}
	fmt.Fprintf(w, "%s %s on kernel %s\n", v.Tool, answer, v.Kernel)
	for _, c := range held {
		have := "missing"
		if c.Have {
			have = "held"
		}
		fmt.Fprintf(w, "  capability %s (to %s): %s\n", c.Name, c.Why, have)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(w, "  %s\n", output.AppendEscaped(nil, []byte(line))); err != nil {
			return err
		}
	}
	return nil
}
