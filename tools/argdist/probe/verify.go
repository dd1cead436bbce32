package probe

import (
	"io"

	"github.com/cilium/ebpf"
)

// Verify loads the programs of a probe for the kind of hook of that name, and takes
// them away again without having attached them: whether the verifier likes them.
func (h *Host) Verify(p *Place, req Request, name string) error {
	rungs, err := h.rungs(p, req)
	if err != nil {
		return err
	}
	for _, r := range rungs {
		if r.name != name {
			continue
		}
		a := &Attached{}
		defer a.Close()
		for i := range r.parts {
			r.parts[i].attach = nothing
		}
		return a.start(p, &r, req)
	}
	return noRung(p, name)
}

// nothing attaches nothing.
func nothing(*ebpf.Program, bool) ([]io.Closer, error) { return nil, nil }
