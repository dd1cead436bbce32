/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets, as they come to an interface and leave it.
 *
 * Whatever happens here, the packet goes on to whoever is next (TC_ACT_UNSPEC).
 */
#pragma once

#include "owner.h"

#define PACKET_GO_ON (-1) /* TC_ACT_UNSPEC, TCX_NEXT */

/* The most that is captured of a packet: 64 KiB, and what a link puts before. */
#define PACKET_MAX 65664
#define INTERFACES_MAX 1024

#define LINK_ETHERNET 14 /* bytes before the network's header; of other links none */
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define VLAN_TAGS 2      /* followed inside a packet */
#define VLAN_TAG 4       /* bytes */
#define IPV4_FRAGMENT 0x1fff
#define IPPROTO_ICMPV6 58
#define IPPROTO_SCTP 132

/* Set by the command before load. */
const volatile bool packets_by_process = false; /* packets of processes that do not pass are not wanted */
const volatile bool filter_packets = false;     /* packet_wanted() has a filter */
const volatile u32 snaplen = PACKET_MAX;

/* An interface that packets are captured on, by its index. */
struct packet_interface {
	u64 lost;
	u32 number;   /* that the command gave it */
	u16 link_len; /* LINK_ETHERNET or 0 */
	u16 loopback; /* 1: both ends of a packet are on this machine */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, INTERFACES_MAX);
	__type(key, u32);
	__type(value, struct packet_interface);
} packet_interfaces SEC(".maps");

struct packet_record {
	struct record_head head; /* time and kind; the current process has nothing to do with it */
	u32 interface;
	u32 length;     /* of the packet, without a tag that is beside it */
	u32 len;        /* bytes that follow the record */
	u16 vlan_proto; /* of the tag that is beside the packet; 0: none */
	u16 vlan_tci;
	u8 outbound;
	u8 undecided;   /* whether its process passes the filters is not known here */
	u8 reserved[6];
};

/* ---- whether it is wanted ---- */

enum verdict {
	TAKE,
	UNDECIDED, /* its processes are not known yet */
	OTHERS,    /* it is not wanted */
};

struct ipv4 {
	u8 version_len; /* version, header length in words */
	u8 tos;
	u16 length, id, fragment;
	u8 ttl, protocol;
	u16 checksum;
	u32 src, dst;
};

struct ipv6 {
	u32 version;
	u16 length;
	u8 next, hops;
	u8 src[16], dst[16];
};

/* Where the network's header is, and the EtherType that it has; 0 if it is not of IP. */
static __always_inline u32 network_header(struct __sk_buff *skb, u32 link_len, u16 *type)
{
	u32 at = link_len;

	if (!link_len) {
		u8 version = 0;

		bpf_skb_load_bytes(skb, 0, &version, 1);
		*type = version >> 4 == 4 ? ETHERTYPE_IPV4 : version >> 4 == 6 ? ETHERTYPE_IPV6 : 0;
		return 0;
	}
	*type = 0;
	for (int i = 0; i <= VLAN_TAGS; i++) {
		u16 next = 0;

		bpf_skb_load_bytes(skb, at - 2, &next, 2);
		next = bpf_ntohs(next);
		if (next != ETHERTYPE_VLAN && next != ETHERTYPE_QINQ) {
			*type = next;
			return at;
		}
		at += 4;
	}
	return at;
}

/* How much of a packet its headers tell here. */
enum reading {
	READ_PORTS, /* TCP, UDP, SCTP */
	READ_OTHER, /* of IP, and without ports */
	READ_LESS,  /* there may be ports behind headers that are not followed */
	READ_NONE,  /* not of IP, a fragment, or cut */
};

/* What filters are asked about. */
struct packet_flow {
	struct end from;
	u32 version;   /* 4 or 6 */
	u32 has_ports; /* 0 or 1 */
	u32 length;    /* on the wire */
};

static __always_inline enum reading flow_read(struct __sk_buff *skb, u32 link_len, struct packet_flow *f)
{
	u16 type, ports[2];
	u32 at = network_header(skb, link_len, &type);
	struct end *e = &f->from;

	f->length = skb->len + (skb->vlan_present ? VLAN_TAG : 0);
	if (type == ETHERTYPE_IPV4) {
		struct ipv4 ip;

		if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || bpf_ntohs(ip.fragment) & IPV4_FRAGMENT)
			return READ_NONE;
		f->version = 4;
		mapped_v4(e->local, ip.src);
		mapped_v4(e->remote, ip.dst);
		e->protocol = ip.protocol;
		at += (ip.version_len & 15) * 4;
	} else if (type == ETHERTYPE_IPV6) {
		struct ipv6 ip;

		if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)))
			return READ_NONE;
		f->version = 6;
		__builtin_memcpy(e->local, ip.src, 16);
		__builtin_memcpy(e->remote, ip.dst, 16);
		e->protocol = ip.next;
		at += sizeof(ip);
	} else {
		return READ_NONE;
	}
	if (e->protocol != IPPROTO_TCP && e->protocol != IPPROTO_UDP && e->protocol != IPPROTO_SCTP)
		return f->version == 4 || e->protocol == IPPROTO_ICMPV6 ? READ_OTHER : READ_LESS;
	if (bpf_skb_load_bytes(skb, at, ports, sizeof(ports)))
		return READ_NONE;
	e->local_port = bpf_ntohs(ports[0]);
	e->remote_port = bpf_ntohs(ports[1]);
	f->has_ports = 1;
	return READ_PORTS;
}

/*
 * The FILTER of the command line: the command puts its code here. It is asked about what
 * the headers tell, and takes what it cannot decide.
 */
static __noinline int packet_wanted(struct packet_flow *f)
{
	int wanted = 1;

	asm volatile("" : "+r"(wanted) : "r"(f) : "memory"); /* not for the compiler to know */
	return wanted;
}

/* Who has this end, which is on this machine for sure if here says so. */
static __always_inline struct owner *owner_of(struct end *e, bool here)
{
	struct end key = { .local_port = e->local_port, .protocol = e->protocol };

	__builtin_memcpy(key.local, e->local, 16);
	if (is_loopback(key.local))
		key.netns = own_netns;
	if (e->protocol == IPPROTO_TCP) {
		__builtin_memcpy(key.remote, e->remote, 16);
		key.remote_port = e->remote_port;
		return bpf_map_lookup_elem(&owners, &key);
	}
	struct owner *o = bpf_map_lookup_elem(&owners, &key);

	if (o || !here)
		return o;
	__builtin_memset(key.local, 0, 16);
	key.netns = 0;
	return bpf_map_lookup_elem(&owners, &key);
}

static __always_inline void turn(struct end *e)
{
	struct end other = {
		.local_port = e->remote_port, .remote_port = e->local_port, .protocol = e->protocol,
	};

	__builtin_memcpy(other.local, e->remote, 16);
	__builtin_memcpy(other.remote, e->local, 16);
	*e = other;
}

/* By the processes that have its ends. */
static __always_inline enum verdict judge(struct end *e, bool loopback, bool outbound)
{
	struct owner *sender = owner_of(e, outbound || loopback);

	if (sender && sender->passes)
		return TAKE;
	turn(e);
	struct owner *receiver = owner_of(e, !outbound || loopback);

	if (receiver && receiver->passes)
		return TAKE;
	if (loopback)
		return sender && receiver ? OTHERS : UNDECIDED;
	return sender || receiver ? OTHERS : UNDECIDED;
}

static __always_inline enum verdict filter(struct __sk_buff *skb, struct packet_interface *i, bool outbound)
{
	struct packet_flow f = {};
	enum reading r = flow_read(skb, i->link_len, &f);

	if (filter_packets && (r == READ_PORTS || r == READ_OTHER) && !packet_wanted(&f))
		return OTHERS;
	if (!packets_by_process)
		return TAKE;
	switch (r) {
	case READ_PORTS:
		return judge(&f.from, i->loopback, outbound);
	case READ_LESS:
		return UNDECIDED;
	default:
		return OTHERS; /* nobody has it */
	}
}

/* ---- sending it ---- */

struct capture {
	struct packet_interface *interface;
	bool outbound;
	bool undecided;
	u32 len;
};

/* room is a constant: the ring wants to know how much it is before. */
static __always_inline bool packet_send(struct __sk_buff *skb, const struct capture *c, const u32 room)
{
	struct packet_record *rec = bpf_ringbuf_reserve(&events, sizeof(*rec) + room, 0);
	u32 len = at_most(c->len - 1, room - 1) + 1; /* the verifier is to see that it is not 0 */

	if (!rec)
		return false;
	__builtin_memset(rec, 0, sizeof(*rec));
	rec->head.time_ns = clock_ns();
	rec->head.kind = KIND_PACKET;
	rec->interface = c->interface->number;
	rec->length = skb->len;
	rec->len = len;
	if (skb->vlan_present) {
		rec->vlan_proto = bpf_ntohs(skb->vlan_proto);
		rec->vlan_tci = skb->vlan_tci;
	}
	rec->outbound = c->outbound;
	rec->undecided = c->undecided;
	if (bpf_skb_load_bytes(skb, 0, rec + 1, len)) {
		rec->len = 0;
		COUNT(unreadable);
	}
	bpf_ringbuf_submit(rec, 0);
	return true;
}

static __always_inline bool packet_send_whole(struct __sk_buff *skb, const struct capture *c)
{
	if (c->len <= 128) /* an acknowledgement */
		return packet_send(skb, c, 128);
	if (c->len <= 576)
		return packet_send(skb, c, 576);
	if (c->len <= 1536) /* a frame of Ethernet */
		return packet_send(skb, c, 1536);
	if (c->len <= 4352)
		return packet_send(skb, c, 4352);
	if (c->len <= 16512) /* a record of TLS */
		return packet_send(skb, c, 16512);
	return packet_send(skb, c, PACKET_MAX);
}

static __always_inline int packet_capture(struct __sk_buff *skb, const bool outbound)
{
	u32 index = skb->ifindex;
	struct packet_interface *i = bpf_map_lookup_elem(&packet_interfaces, &index);
	enum verdict v = TAKE;

	if (!i)
		return PACKET_GO_ON;
	COUNT(seen);
	if (packets_by_process || filter_packets)
		v = filter(skb, i, outbound);
	if (v == OTHERS) {
		COUNT(filtered);
		return PACKET_GO_ON;
	}
	struct capture c = {
		.interface = i,
		.outbound = outbound,
		.undecided = v == UNDECIDED,
		.len = at_most(skb->len, PACKET_MAX),
	};

	if (c.len > snaplen)
		c.len = snaplen;
	if (c.len < skb->len)
		COUNT(truncated);
	if (!packet_send_whole(skb, &c)) {
		COUNT(lost);
		__sync_fetch_and_add(&i->lost, 1);
	}
	return PACKET_GO_ON;
}
