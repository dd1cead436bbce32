package main

import (
	"fmt"
	"os"
)

// sizeMetric measures what has to be installed.
func sizeMetric(subjects []subject, targets ...target) metric {
	return metric{
		checked: true,
		name:    "size",
		native:  true,
		title:   "Size of the binary",
		text: `Stripped. Ours is static and needs nothing else. libbpf-tools' needs the C library, libelf
and zlib; bcc's is a script that needs Python, LLVM, Clang and the kernel's headers; bpftrace's needs LLVM and Clang, and the script.`,
		figures:  []figure{{"size", megabytes}},
		subjects: subjects,
		targets:  targets,
		measure: func(b *bench, s subject) ([]float64, error) {
			st, err := os.Stat(s.binary(b))
			if err != nil {
				return nil, fmt.Errorf("look at the binary: %w", err)
			}
			return []float64{float64(st.Size())}, nil
		},
	}
}
