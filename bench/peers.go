package main

import "os"

// libbpfTool is a tool of the package libbpf-tools.
func libbpfTool(name, mode string, runs int) subject {
	path := func(*bench) string { return libbpfPath(name) }
	return subject{
		tool: "libbpf-tools", mode: mode, runs: runs, binary: path,
		argv: func(b *bench, _ tuning) []string { return withMode(path(b), mode) },
	}
}

// libbpfPath: from Debian 13 on the names end in -libbpf.
func libbpfPath(name string) string {
	path := "/usr/sbin/" + name
	if _, err := os.Stat(path + "-libbpf"); err == nil {
		return path + "-libbpf"
	}
	return path
}

// bccTool is a tool of the package bpfcc-tools: a Python program that compiles
// its BPF programs when it starts.
func bccTool(name, mode string, runs int) subject {
	path := "/usr/sbin/" + name + "-bpfcc"
	return subject{
		tool: "bcc", mode: mode, runs: runs, slow: true,
		binary: func(*bench) string { return path },
		argv:   func(*bench, tuning) []string { return withMode(path, mode) },
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

func withMode(path, mode string) []string {
	if mode == "" {
		return []string{path}
	}
	return []string{path, mode}
}
