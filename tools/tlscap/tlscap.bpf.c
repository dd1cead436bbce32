//go:build ignore
/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * tlscap: what calls of TLS libraries carry, in the clear, and the secrets that they
 * derive.
 *
 * One pair of programs serves all functions of all libraries that take an object
 * and a buffer; the probe's cookie says where a function has its arguments.
 */
#include "ended.h"
#include "rust.h"
#include "go_calls.h"
#include "packet.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* bpf2go makes Go types from these. */
const struct tls_record *unused_tls_record __attribute__((unused));
const struct derive_record *unused_derive_record __attribute__((unused));
const struct end_record *unused_end_record __attribute__((unused));
const struct exec_record *unused_exec_record __attribute__((unused));
const struct go_layout *unused_go_layout __attribute__((unused));
const struct layout *unused_layout __attribute__((unused));
const struct owner_record *unused_owner_record __attribute__((unused));
const struct packet_record *unused_packet_record __attribute__((unused));
const struct packet_flow *unused_packet_flow __attribute__((unused));
const struct packet_interface *unused_packet_interface __attribute__((unused));

/* ---- functions with a buffer ---- */

SEC("uprobe")
int tls_enter(struct pt_regs *regs)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 cookie = bpf_get_attach_cookie(regs);
	u32 fn = cookie & FN_KIND_MASK;

	if (!filter_passes(task)) {
		if (fn != FN_HANDSHAKE && fn < FN_RUST_CONSUME) {
			COUNT(seen);
			COUNT(filtered);
		}
		return 0;
	}
	struct calls *calls = calls_make(bpf_get_current_pid_tgid());

	if (!calls)
		return 0;
	if (fn >= FN_RUST_CONSUME) {
		rust_entered(fn, calls, regs);
		return 0;
	}
	struct frame f = {
		.object = PROBE_ARG1(regs),
		.buffer = PROBE_ARG2(regs),
		.size = PROBE_ARG3(regs),
		.sp = regs->sp,
		.cookie = cookie,
	};

	u64 fourth = PROBE_ARG4(regs), fifth = PROBE_ARG5(regs);

	/* Both are read here, at constant offsets, and not at one that depends on fn. */
	asm volatile("" : "+r"(fourth), "+r"(fifth));
	if (fn == FN_RECV)
		f.cookie = (f.cookie & ~FN_KIND_MASK) | (fourth & PR_MSG_PEEK ? FN_PEEK : FN_READ);
	else if (fn == FN_WRITE_EX2)
		f.bytes_out = fifth;
	else if (fn == FN_READ_EX || fn == FN_WRITE_EX || fn == FN_PEEK_EX)
		f.bytes_out = fourth;
	else if (FN_IS_RUST(fn))
		rust_enter(&f, calls, regs);
	if (!call_push(calls, &f) && fn != FN_HANDSHAKE) {
		COUNT(seen);
		COUNT(lost);
	}
	return 0;
}

/* How many bytes the call carried; 0 for a failure. */
static __always_inline u32 bytes_carried(const struct frame *f, s32 ret, const bool sleeps)
{
	u64 bytes = 0;

	if (ret <= 0)
		return 0;
	if (!f->bytes_out)
		return ret;
	if (ret != 1) /* SSL_READ_EARLY_DATA_FINISH */
		return 0;
	if (user_read(&bytes, sizeof(bytes), (void *)f->bytes_out, sleeps)) {
		COUNT(seen);
		COUNT(lost);
	}
	return bytes;
}

/* Fills in the piece that a call carried, and its connection; false if there is none to send. */
static __always_inline bool carried(struct piece *p, struct pt_regs *regs, const bool loop)
{
	const struct frame *f = p->frame;
	u32 fn = f->cookie & FN_KIND_MASK;

	p->total = bytes_carried(f, PROBE_RESULT(regs), loop);
	if (!p->total)
		return false;
	p->connection = connection_of(bpf_get_current_pid_tgid() >> 32, f->object, p->task);
	if (!p->connection) {
		COUNT(seen);
		COUNT(lost);
		return false;
	}
	if (fn == FN_WRITE || fn == FN_WRITE_EX || fn == FN_WRITE_EX2 || fn == FN_SENDFILE)
		p->dir = DIR_WRITE;
	if (fn == FN_PEEK || fn == FN_PEEK_EX)
		p->flags = F_PEEK;
	if (fn == FN_SENDFILE)
		p->flags = F_NO_DATA;
	return true;
}

static __always_inline int left(struct pt_regs *regs, const bool loop)
{
	struct calls *calls = calls_of(bpf_get_current_pid_tgid());
	struct frame f;

	if (!calls || !call_pop(calls, regs->sp - RETURN_POPS, &f))
		return 0;
	u32 fn = f.cookie & FN_KIND_MASK;

	if (!want_text || fn == FN_HANDSHAKE || f.cookie & CALL_SILENT)
		return 0;
	struct piece p = {
		.frame = &f,
		.task = (void *)bpf_get_current_task(),
		.dir = DIR_READ,
	};

	if (FN_IS_RUST(fn) ? rust_piece(&p, &f, regs, calls, loop) : carried(&p, regs, loop))
		payload_send(&p, loop);
	return 0;
}

SEC("uretprobe")
int tls_leave(struct pt_regs *regs)
{
	return left(regs, false);
}

/* The same for kernels with bpf_loop; it sleeps where it can. */
SEC("uretprobe")
int tls_leave_loop(struct pt_regs *regs)
{
	return left(regs, true);
}

SEC("uprobe")
int tls_free(struct pt_regs *regs)
{
	return ended(PROBE_ARG1(regs));
}

/* ---- secrets ---- */

SEC("uprobe")
int derive_enter(struct pt_regs *regs)
{
	if (filter_passes((void *)bpf_get_current_task()))
		derivation_begin(PROBE_ARG2(regs), PROBE_ARG3(regs), PROBE_ARG4(regs));
	return 0;
}

SEC("uretprobe")
int derive_leave(struct pt_regs *regs)
{
	derivation_end((s32)PROBE_RESULT(regs) > 0);
	return 0;
}

SEC("uprobe")
int secret_logged(struct pt_regs *regs)
{
	if (filter_passes((void *)bpf_get_current_task()))
		secret_send(bpf_get_attach_cookie(regs), PROBE_ARG1(regs), PROBE_ARG2(regs),
			    PROBE_ARG3(regs), PROBE_ARG4(regs));
	return 0;
}

/* crypto/tls.(*Config).writeKeyLog(label, clientRandom, secret), which is called with or without a log. */
SEC("uprobe")
int go_secret(struct pt_regs *regs)
{
	if (!filter_passes((void *)bpf_get_current_task()))
		return 0;
	struct derive_record *rec = bpf_ringbuf_reserve(&events, sizeof(*rec), 0);

	COUNT(seen);
	if (!rec) {
		COUNT(lost);
		return 0;
	}
	__builtin_memset(rec, 0, sizeof(*rec));
	record_head_fill(&rec->head, KIND_LOGGED, (void *)bpf_get_current_task());
	rec->probe = bpf_get_attach_cookie(regs) >> FN_PROBE_SHIFT;
	value_read(&rec->label, GO_ARG2(regs), GO_ARG3(regs));
	value_read(&rec->out, GO_ARG7(regs), GO_ARG8(regs));
	if (GO_ARG5(regs) == RANDOM_LEN &&
	    !bpf_probe_read_user(rec->client_random, RANDOM_LEN, (void *)GO_ARG4(regs)))
		rec->random_len = RANDOM_LEN;
	bpf_ringbuf_submit(rec, 0);
	return 0;
}

/* ---- rung "raw_tp": tracepoints of all sends and receives of sockets (6.3) ---- */

SEC("raw_tp/sock_send_length")
int BPF_PROG(sock_sent, struct sock *sk)
{
	socket_owned(sk);
	socket_used(sk);
	rust_used(sk, true);
	return 0;
}

SEC("raw_tp/sock_recv_length")
int BPF_PROG(sock_received, struct sock *sk)
{
	socket_owned(sk);
	socket_used(sk);
	rust_used(sk, false);
	return 0;
}

/* ---- rung "fentry": the functions that ask security modules about them ---- */

SEC("fentry/security_socket_sendmsg")
int BPF_PROG(send_asked, struct socket *sock)
{
	struct sock *sk = BPF_CORE_READ(sock, sk);

	socket_owned(sk);
	socket_used(sk);
	rust_used(sk, true);
	return 0;
}

SEC("fentry/security_socket_recvmsg")
int BPF_PROG(receive_asked, struct socket *sock)
{
	struct sock *sk = BPF_CORE_READ(sock, sk);

	socket_owned(sk);
	socket_used(sk);
	rust_used(sk, false);
	return 0;
}

/* ---- rung "sys_enter": all system calls of the machine ---- */

SEC("raw_tp/sys_enter")
int BPF_PROG(call_begins, struct pt_regs *regs, long nr)
{
	if (!syscall_uses_socket(nr))
		return 0;
	struct calls *calls = calls_of(bpf_get_current_pid_tgid());
	bool inside = calls && (calls->depth || calls->rust);

	if (!inside && !want_packets)
		return 0;
	struct task_struct *task = (void *)bpf_get_current_task();

	if (syscall_is_compat(task))
		return 0;
	struct sock *sk = sock_of_fd(task, syscall_arg(regs, 0, false));

	socket_owned(sk);
	if (!inside)
		return 0;
	socket_used(sk);
	if (syscall_sends(nr))
		rust_used(sk, true);
	else
		rust_used(sk, false);
	return 0;
}

/* ---- packets ---- */

SEC("tc")
int packet_in(struct __sk_buff *skb)
{
	return packet_capture(skb, false);
}

SEC("tc")
int packet_out(struct __sk_buff *skb)
{
	return packet_capture(skb, true);
}

/* ---- who connects, and who closes ---- */

SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(state_changed, struct sock *sk, int from, int to)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (to == TCP_SYN_SENT)
		opening_begins(sk);
	else if (from == TCP_SYN_SENT)
		opening_ends(sk);
	else if ((to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK) && !(BPF_CORE_READ(task, flags) & PF_KERNEL))
		socket_owned(sk); /* both are of a process that closes it */
	else if (to == TCP_CLOSE)
		socket_disowned(sk);
	return 0;
}

/* ---- new programs ---- */

SEC("raw_tp/sched_process_exec")
int BPF_PROG(image_executed, struct task_struct *task)
{
	if (!filter_passes(task))
		return 0;
	struct exec_record *rec = bpf_ringbuf_reserve(&events, sizeof(*rec), 0);

	if (!rec)
		return 0; /* the next look at all processes finds it */
	record_head_fill(&rec->head, KIND_EXEC, task);
	bpf_ringbuf_submit(rec, 0);
	return 0;
}
