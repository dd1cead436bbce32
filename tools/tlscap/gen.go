package main

//go:generate go tool bpf2go -no-global-types -cc clang-19 -target amd64,arm64 -type tls_record -type derive_record -type end_record -type exec_record -type layout -type go_layout -type owner_record -type packet_record -type packet_interface bpf tlscap.bpf.c -- -O2 -g -Wall -Werror -I/usr/include/x86_64-linux-gnu
