package main

//go:generate go tool bpf2go -no-global-types -cc clang-19 -target amd64,arm64 -type file_record -type call_desc -type shape -type prefix -type slot bpf filesnoop.bpf.c -- -O2 -g -Wall -Werror -I/usr/include/x86_64-linux-gnu
