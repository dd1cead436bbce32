/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What kernel.h is for tasks and files, for sockets: the fields that we read. */
#pragma once

#include "kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr___ringside {
	u8 bytes[16];
};

struct net {
	struct ns_common ns;            /* the number in /proc/PID/ns/net */
};

typedef struct { struct net *net; } possible_net_t;

/*
 * The addresses are in anonymous unions there. skc_daddr and skc_rcv_saddr are
 * those of IPv4; for a socket of IPv6 that talks IPv4 (::ffff:a.b.c.d) both kinds
 * are filled.
 */
struct sock_common {
	u32 skc_daddr;                  /* network byte order */
	u32 skc_rcv_saddr;              /* network byte order; 0: any */
	u16 skc_dport;                  /* network byte order */
	u16 skc_num;                    /* local port, host byte order */
	unsigned short skc_family;
	volatile unsigned char skc_state; /* TCP_* */
	possible_net_t skc_net;
	struct in6_addr___ringside skc_v6_daddr;
	struct in6_addr___ringside skc_v6_rcv_saddr;
};

typedef enum { SS_UNCONNECTED = 1 } socket_state; /* neither connected nor on the way */

struct socket {
	socket_state state;
	short type;                     /* SOCK_* */
	struct file *file;              /* NULL for a socket of the kernel itself */
	struct sock *sk;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_type;                    /* SOCK_* */
	u16 sk_protocol;                /* IPPROTO_* */
	int sk_err;                     /* pending errno, positive */
	u32 sk_max_ack_backlog;         /* of listen() */
	struct socket *sk_socket;       /* NULL once closed */
};

struct msghdr {
	void *msg_name;                 /* address to send to, already the kernel's copy; or NULL */
	int msg_namelen;
	unsigned int msg_flags;         /* MSG_* */
};

struct inet_sock {
	u16 inet_sport;                 /* network byte order; stays when the port is given back */
};

struct tcp_sock {
	void *fastopen_req;             /* data that sendto(MSG_FASTOPEN) brought */
	u8 fastopen_connect : 1;        /* TCP_FASTOPEN_CONNECT */
	bool is_mptcp;                  /* a subflow of MPTCP; CONFIG_MPTCP */
};

#pragma clang attribute pop

#define AF_UNSPEC 0
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_MPTCP 262

#define SOCK_STREAM 1

/* States of TCP, the same in all kernels (include/net/tcp_states.h). */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
	TCP_NEW_SYN_RECV,
};
