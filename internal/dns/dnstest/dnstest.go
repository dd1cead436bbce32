// Package dnstest has the programs of internal/bpf/dns.h by themselves, for the
// kernel tests of package dns.
package dnstest

import "github.com/cilium/ebpf"

//go:generate go tool bpf2go -cc clang-19 -target amd64,arm64 -type dns_record bpf dns.bpf.c -- -O2 -g -Wall -Werror -I/usr/include/x86_64-linux-gnu

// Record is struct dns_record, for a test of its layout.
type Record = bpfDnsRecord

// Spec returns the object.
func Spec() (*ebpf.CollectionSpec, error) { return loadBpf() }
