package main

// libbpfTool is a tool of the package libbpf-tools.
func libbpfTool(name, mode string) subject {
	path := "/usr/sbin/" + name
	return subject{
		tool: "libbpf-tools", mode: mode,
		binary: func(*bench) string { return path },
		argv: func(*bench, tuning) []string {
			if mode == "" {
				return []string{path}
			}
			return []string{path, mode}
		},
	}
}

// bpftraceScript is a script of the package bpftrace.
func bpftraceScript(name string) subject {
	const interpreter = "/usr/bin/bpftrace"
	return subject{
		tool:   "bpftrace",
		binary: func(*bench) string { return interpreter },
		argv:   func(*bench, tuning) []string { return []string{interpreter, "/usr/sbin/" + name} },
	}
}
