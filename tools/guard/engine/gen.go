package engine

//go:generate go tool bpf2go -no-global-types -cc clang-19 -target amd64,arm64 -type alert -type generation -type special -type control_block bpf guard.bpf.c -- -O2 -g -Wall -Werror -I/usr/include/x86_64-linux-gnu
