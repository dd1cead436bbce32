package main

// libbpfTool is a tool of the package libbpf-tools.
func libbpfTool(name, mode string, runs int) subject {
	path := "/usr/sbin/" + name
	return subject{
		tool: "libbpf-tools", mode: mode, runs: runs,
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
func bpftraceScript(name string, runs int) subject {
	const interpreter = "/usr/bin/bpftrace"
	return subject{
		tool:   "bpftrace",
		runs:   runs,
		binary: func(*bench) string { return interpreter },
		argv:   func(*bench, tuning) []string { return []string{interpreter, "/usr/sbin/" + name} },
	}
}
