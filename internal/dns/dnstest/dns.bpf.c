//go:build ignore
/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The programs of internal/bpf/dns.h by themselves, for the tests of package dns. */
#include "../../bpf/dns.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* bpf2go makes the Go type from this. */
const struct dns_record *unused_dns_record __attribute__((unused));
