package main

//go:generate go tool bpf2go -cc clang-19 -target amd64,arm64 -type connect_record -type count_key bpf tcpconnect.bpf.c -- -O2 -g -Wall -Werror -I/usr/include/x86_64-linux-gnu
