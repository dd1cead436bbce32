package loader

import (
	"bytes"
	"debug/elf"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/ringside-tools/ringside/internal/preflight"
)

// Read reads an object file. Meanwhile the kernel's type information is fitted to
// it, on another CPU, since either takes some milliseconds: what the object asks for
// is in the names of its types and sections, which are read in no time.
func Read(k *preflight.Kernel, object []byte, hooks []Hook) (*ebpf.CollectionSpec, error) {
	types, err := btf.LoadSpecFromReader(bytes.NewReader(object))
	if err != nil {
		return nil, fmt.Errorf("read types of BPF object: %w", err)
	}
	tracepoints, functions, err := targets(object, hooks)
	if err != nil {
		return nil, fmt.Errorf("read sections of BPF object: %w", err)
	}
	fitted := make(chan error, 1)
	go func() { fitted <- k.Fit(types, tracepoints, functions) }()
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	fitErr := <-fitted
	if err != nil {
		return nil, fmt.Errorf("read BPF object: %w", err)
	}
	return spec, fitErr
}

// targets lists the tracepoints and the functions that an object's programs and the
// ladders name, for the kernel to look up in one go. A name may come twice, and what
// only a ladder names stands in both lists.
func targets(object []byte, hooks []Hook) (tracepoints, functions []string, err error) {
	file, err := elf.NewFile(bytes.NewReader(object))
	if err != nil {
		return nil, nil, err
	}
	for _, s := range file.Sections {
		kind, to, _ := strings.Cut(s.Name, "/")
		switch kind {
		case "raw_tp":
			tracepoints = append(tracepoints, to)
		case "fentry", "fexit", "kprobe", "kretprobe":
			functions = append(functions, to)
		case "lsm", "iter":
			functions = append(functions, "bpf_"+kind+"_"+to)
		}
	}
	for _, h := range hooks {
		for _, r := range h.Rungs {
			for _, a := range r.Attach {
				if a.To != "" {
					tracepoints = append(tracepoints, a.To)
					functions = append(functions, a.To)
				}
			}
		}
	}
	return tracepoints, functions, nil
}
