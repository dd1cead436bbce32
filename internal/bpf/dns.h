/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Answers of DNS, as they arrive at this machine's sockets: whatever comes by
 * UDP or TCP from port 53, of a resolver elsewhere or of one on loopback.
 *
 * They are taken from packets, so that it does not matter by which calls a
 * program asks. An answer is no event: it is not counted as seen, and one that
 * finds no room is counted in dns_lost.
 *
 * Package dns reads the records.
 */
#pragma once

#include "event.h"
#include "kernel_net.h"
#include "kernel_skb.h"

#define KIND_DNS 0x444e53 /* "DNS": no command numbers its records so high */

#define DNS_PORT 53
#define DNS_CHUNK 4096     /* bytes of payload in one record */
#define DNS_CHUNKS 4       /* records of one packet; only TCP has such long ones */
#define IPV6_EXTENSIONS 4  /* headers between that of IPv6 and the transport's */

#define IPPROTO_HOPOPTS 0
#define IPPROTO_ROUTING 43
#define IPPROTO_DSTOPTS 60

#define IPV4_FRAGMENT 0x3fff /* more fragments follow, or it is not the first */
#define IPV6_HEADER 40
#define UDP_HEADER 8
#define TCP_HEADER 20

/* dns_record.flags: those of TCP. */
#define DNS_FIN 0x01
#define DNS_SYN 0x02
#define DNS_RST 0x04

struct dns_record {
	struct record_head head; /* time and kind; the rest is zero */
	u8 saddr[16];            /* of IPv4 the first four */
	u8 daddr[16];
	u32 seq;                 /* of TCP: that of the first byte */
	u16 sport;               /* host byte order */
	u16 dport;
	u16 len;                 /* bytes of payload behind the record */
	u8 version;              /* 4 or 6 */
	u8 protocol;             /* IPPROTO_UDP or IPPROTO_TCP */
	u8 flags;                /* DNS_* */
	u8 reserved[11];         /* zero */
};

struct dns_scratch {
	struct dns_record rec;
	u8 payload[DNS_CHUNK];
};

/* One is enough: packets are received with softirqs off. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct dns_scratch);
} dns_scratch SEC(".maps");

/* Answers that found no room. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} dns_lost SEC(".maps");

/* ---- a packet ---- */

/* A packet from its network header on. */
struct packet {
	void *ctx;
	bool raw;           /* its bytes are at linear; else the helper reads them from ctx */
	const void *linear;
	u32 len;            /* bytes that can be read */
	u32 at;             /* where the next header is */
	u8 version;
	u8 protocol;
	u32 end;            /* of what IP says is there */
};

/* Reads size bytes at an offset; false where there are not as many. */
static __always_inline bool packet_read(struct packet *p, u32 at, void *dst, u32 size)
{
	if (at + size > p->len)
		return false;
	if (p->raw)
		return !bpf_probe_read_kernel(dst, size, p->linear + at);
	return !bpf_skb_load_bytes(p->ctx, at, dst, size);
}

static __always_inline bool packet_ipv4(struct packet *p, struct dns_record *rec)
{
	u8 header[20];

	if (!packet_read(p, 0, header, sizeof(header)))
		return false;
	if (((header[6] << 8 | header[7]) & IPV4_FRAGMENT) != 0)
		return false; /* a socket gets packets whole */
	p->at = (header[0] & 0xf) * 4;
	p->end = header[2] << 8 | header[3];
	p->protocol = header[9];
	__builtin_memcpy(rec->saddr, &header[12], 4);
	__builtin_memcpy(rec->daddr, &header[16], 4);
	return p->at >= sizeof(header);
}

static __always_inline bool packet_ipv6(struct packet *p, struct dns_record *rec)
{
	u8 header[IPV6_HEADER];
	u8 next, extension[2];

	if (!packet_read(p, 0, header, sizeof(header)))
		return false;
	p->at = IPV6_HEADER;
	p->end = IPV6_HEADER + (header[4] << 8 | header[5]);
	next = header[6];
	__builtin_memcpy(rec->saddr, &header[8], 16);
	__builtin_memcpy(rec->daddr, &header[24], 16);
	for (int i = 0; i < IPV6_EXTENSIONS; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			break;
		if (!packet_read(p, p->at, extension, sizeof(extension)))
			return false;
		next = extension[0];
		p->at += (extension[1] + 1) * 8;
	}
	p->protocol = next;
	return true;
}

/* Reads the transport's header, and moves to the payload. */
static __always_inline bool packet_transport(struct packet *p, struct dns_record *rec)
{
	u8 h[TCP_HEADER];
	bool tcp = p->protocol == IPPROTO_TCP;

	if (!tcp && p->protocol != IPPROTO_UDP)
		return false;
	if (!packet_read(p, p->at, h, UDP_HEADER))
		return false;
	rec->sport = h[0] << 8 | h[1];
	rec->dport = h[2] << 8 | h[3];
	if (rec->sport != DNS_PORT)
		return false;
	if (!tcp) {
		p->at += UDP_HEADER;
		return true;
	}
	if (!packet_read(p, p->at, h, TCP_HEADER))
		return false;
	rec->seq = (u32)h[4] << 24 | h[5] << 16 | h[6] << 8 | h[7];
	rec->flags = h[13] & (DNS_FIN | DNS_SYN | DNS_RST);
	u32 size = (h[12] >> 4) * 4;

	p->at += size;
	return size >= TCP_HEADER;
}

/* ---- records ---- */

static __always_inline void dns_send(void *ctx, struct dns_scratch *s, u32 len)
{
	u32 zero = 0;

	if (len > DNS_CHUNK)
		len = DNS_CHUNK; /* the verifier has forgotten */
	if (!send(ctx, s, sizeof(s->rec) + len))
		return;
	u64 *lost = bpf_map_lookup_elem(&dns_lost, &zero);

	if (lost)
		__sync_fetch_and_add(lost, 1);
}

/*
 * Sends the payload from p->at on, in as many records as it takes; what is beyond
 * DNS_CHUNKS of them, the reader sees as a gap.
 */
static __always_inline void dns_send_payload(struct packet *p, struct dns_scratch *s)
{
	for (int i = 0; i < DNS_CHUNKS; i++) {
		u32 left = p->end > p->at ? p->end - p->at : 0;
		u32 at = p->at;

		if (!left)
			return;
		if (left > DNS_CHUNK)
			left = DNS_CHUNK;
		s->rec.len = left;
		/* Masked, so that all verifiers see that it is from 1 to DNS_CHUNK. */
		u32 size = ((left - 1) & (DNS_CHUNK - 1)) + 1;

		if (!packet_read(p, at, s->payload, size))
			return;
		dns_send(p->ctx, s, size);
		s->rec.flags &= ~DNS_SYN; /* those are of the first byte */
		s->rec.seq += size;
		p->at += size;
	}
}

/* Sends what a packet has of DNS, if it has. */
static __always_inline void dns_packet(struct packet *p)
{
	u32 zero = 0;
	struct dns_scratch *s = bpf_map_lookup_elem(&dns_scratch, &zero);
	u8 first;

	if (!s || !packet_read(p, 0, &first, 1))
		return;
	struct dns_record *rec = &s->rec;

	__builtin_memset(rec, 0, sizeof(*rec));
	p->version = first >> 4;
	if (p->version == 4) {
		if (!packet_ipv4(p, rec))
			return;
	} else if (p->version != 6 || !packet_ipv6(p, rec)) {
		return;
	}
	if (!packet_transport(p, rec))
		return;
	rec->version = p->version;
	rec->protocol = p->protocol;
	rec->head.kind = KIND_DNS;
	rec->head.time_ns = clock_ns();
	if (p->end > p->at)
		dns_send_payload(p, s);
	else if (rec->flags)
		dns_send(p->ctx, s, 0); /* where a stream begins or ends */
}

/*
 * Rung "cgroup_skb": what the sockets of this machine receive. It sees all of a
 * packet, and lets every packet pass.
 */
SEC("cgroup_skb/ingress")
int dns_received(struct __sk_buff *skb)
{
	struct packet p = { .ctx = skb, .len = skb->len };

	dns_packet(&p);
	return 1;
}

/*
 * Rung "raw_tp": what comes from network devices, loopback included, before it is
 * known whether it is for us. Most packets are something else: the ports come
 * first.
 */
SEC("raw_tp/netif_receive_skb")
int BPF_PROG(dns_arrived, struct sk_buff *skb)
{
	void *head = BPF_CORE_READ(skb, head);
	u16 network = BPF_CORE_READ(skb, network_header);
	void *data = BPF_CORE_READ(skb, data);
	u32 linear = BPF_CORE_READ(skb, len) - BPF_CORE_READ(skb, data_len);
	struct packet p = { .ctx = ctx, .raw = true, .linear = head + network };

	/* The data begins at the network header, or at the device's before it. */
	if (data + linear < p.linear)
		return 0;
	p.len = data + linear - p.linear;
	dns_packet(&p);
	return 0;
}
