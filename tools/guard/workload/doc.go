// Workload does one by one what a policy of guard can deny, in every way that
// leads there. The kernel tests of guard run it, also as a 32-bit program and
// under other names.
//
//	workload OP ARG... [-- OP ARG...]...
//
// Each operation prints one line, "OP: ok", perhaps with a detail behind it, or
// "OP: ERRNO" with the name of the errno. An operation of several steps names
// the step behind the errno, unless it is the one that it is there for:
// "open-chroot: EPERM chroot" never came to the open. The exit status is 0, or 2
// for wrong usage.
//
// Before any of this, the runtime of Go opens and reads some files itself, such as
// /proc/self/cgroup, /proc/self/mountinfo and files below /sys.
//
// Prefixes change the process and go on with what follows, with or without "--"
// between them. They print nothing unless they fail, and nothing follows then.
// Whatever waits prints "ready" and waits for something to read on stdin, a byte
// or a line, or its end.
//
// Prefixes:
//
//	wait  wait before going on
//	fork  go on in a child, which is waited for
//	daemon  go on in a grandchild with a session of its own and init as parent; it is waited for
//	exec-daemon  the same
//	thread  go on in another thread, for which the prefixes before it hold, but no operation does
//	exec-then PATH  execute PATH, a workload, for all that follows, in the same process
//	set-exe-file PATH  go on with another /proc/PID/exe (PR_SET_MM_EXE_FILE)
//	mountns  go on in a mount namespace from which nothing spreads
//	netns  go on in a network namespace with a loopback
//	as UID:GID  go on as that user
//	no-new-privs  go on with PR_SET_NO_NEW_PRIVS
//	userns  go on in a user namespace without a map, in a child; prints a line
//	userns-root [UID:GID]  go on as that user, mapped to root in a user namespace, in a child; prints a line
//
// Files:
//
//	open PATH [FLAGS]  FLAGS: r,w,rw,creat,trunc,append,excl,path,tmpfile,directory,nofollow,nonblock
//	openat2 PATH RESOLVE [FLAGS] [DIR]  RESOLVE: none,no-xdev,no-magiclinks,no-symlinks,beneath,in-root,cached
//	read PATH  tells the number of bytes
//	write PATH [TEXT]  tells the number of bytes
//	truncate PATH SIZE
//	stat PATH  tells size, mode, owner, group and links
//	list DIR  tells the number of names
//	replace PATH [TEXT]  writes PATH.new and renames it over PATH
//	copy-up PATH  opens for writing, writes nothing
//	unlink PATH
//	rmdir PATH
//	mkdir PATH
//	mknod PATH [KIND]  KIND: f (a file), p, s, c:MAJOR:MINOR, b:MAJOR:MINOR
//	symlink TARGET PATH
//	link OLD NEW
//	rename OLD NEW
//	exchange A B
//	chmod PATH MODE
//	fchmod PATH MODE
//	chown PATH UID:GID  of a symbolic link itself
//	utimes PATH
//	setxattr PATH [NAME] [VALUE]
//	removexattr PATH [NAME]
//	chattr PATH HOW  HOW: + or - and one of i (immutable), a (append only), d (no dump)
//
// Other ways to a file, which read it and tell the number of bytes:
//
//	open-proc-fd PATH [FLAGS]  O_PATH, then /proc/self/fd/N
//	open-proc-root PATH [PID]  /proc/PID/root/PATH
//	open-handle PATH  name_to_handle_at and open_by_handle_at
//	open-relative DIR NAME  chdir, then the name
//	open-chroot DIR PATH  chroot, then PATH
//	open-mountns-bind SOURCE TARGET PATH  bind SOURCE on TARGET in a mount namespace, then PATH
//	open-userns-bind SOURCE TARGET PATH [UID:GID]  the same in a user namespace, as an ordinary user
//	open-tree-clone DIR NAME  in a copy of the mount that is mounted nowhere
//	open-detached DIR NAME  in a mount that was taken away (umount -l)
//
//	open-uring PATH [sqpoll]  by io_uring
//	unlink-uring PATH [sqpoll]
//	deep DEPTH NAME DIR  at the bottom of DEPTH directories NAME in one another, which are made
//
// What was opened before. USE is read, write, ftruncate, fallocate, mmap-read,
// mmap-write, mmap-exec, fchmod, fchown, fsetxattr, sendfile or nothing:
//
//	held PATH USE...  open, wait, then a line "held-USE:" for each; also mprotect-exec
//	held-dir DIR NAME  O_PATH of DIR, wait, then NAME in it
//	ftruncate-held PATH SIZE  open, wait, ftruncate
//	send-fd PATH [FLAGS]  send it through the socket that is descriptor 3
//	send-socket PROTO ADDR:PORT  the same with a connected socket
//	recv-fd [USE]  receive from descriptor 3, and use; CTRUNC where the kernel kept it back
//	pass-fd WORKLOAD PATH [USE] [FLAGS]  open; WORKLOAD does recv-fd USE
//	take-fd WORKLOAD PATH [USE] [FLAGS]  WORKLOAD does send-fd PATH; receive, and use
//	pidfd-getfd PID FD [USE]  take a descriptor from a process; FD may be the path of a file it has open
//
// Races, which tell how often each outcome was seen, as "opened=12 EPERM=3":
//
//	swap A B PATH SECONDS  one thread exchanges A and B, one opens PATH; counts first words of what it read
//	threads-open THREADS COUNT PATH  each of them opens it COUNT times
//	loop-open PATH  open until stdin ends; prints ready, and counts also whenever something comes
//
// Programs; the detail is the exit status of what was executed:
//
//	exec PATH [ARG...]
//	execveat PATH [ARG...]  O_PATH, then AT_EMPTY_PATH
//	exec-memfd PATH [ARG...]  a copy of PATH in memory
//	exec-unlinked PATH [DIR] [ARG...]  a copy of PATH in DIR, without a name any more
//	exec-copy PATH DIR [ARG...]  a copy of PATH in DIR
//	exec-noargs PATH  with an argc of 0
//	exec-loader LOADER PATH [ARG...]  the ELF loader runs PATH
//	exec-suid PATH [UID:GID]  PATH, a workload, as an ordinary user; tells the effective user that it had
//	mmap-exec PATH  map it, executable
//	mprotect-exec PATH  map it and make the mapping executable
//	mmap-write PATH  map it, shared and writable
//
// Networks. PROTO is tcp4, tcp6, udp4, udp6, mptcp, mptcp6, sctp, sctp6, smc or smc6. A call
// that nobody answered is ok with "refused":
//
//	connect PROTO ADDR:PORT
//	connect-bound PROTO ADDR:PORT ADDR:PORT  bind to the first, connect to the second
//	connectx PROTO ADDR:PORT...  of SCTP, to all of them
//	connect-unspec-family PROTO  connect to AF_UNSPEC
//	connect-v4-on-v6 ADDR:PORT  a socket of UDP over IPv6, an address of IPv4
//	connect-fastopen ADDR:PORT [PROTO]  sendto with MSG_FASTOPEN
//	connect-tfo-option ADDR:PORT [PROTO]  TCP_FASTOPEN_CONNECT, connect, write
//	connect-unix PATH [TYPE]  TYPE: stream, dgram, seqpacket; @NAME for an abstract one
//	disconnect-reconnect PROTO ADDR:PORT ADDR:PORT  connect, connect to AF_UNSPEC, connect to the second
//	sendto PROTO ADDR:PORT
//	sendmsg PROTO ADDR:PORT
//	sendmmsg PROTO ADDR:PORT...  one call; tells how many were sent
//	sendto-connected PROTO ADDR:PORT ADDR:PORT  connect to the first, send to the second
//	sendto-bound PROTO ADDR:PORT ADDR:PORT  bind to the first, send to the second
//	sendmsg-from ADDR ADDR:PORT  of UDP over IPv4; IP_PKTINFO names the first as where it comes from
//	sendto-v4-on-v6 ADDR:PORT  as connect-v4-on-v6
//	sendto-unix PATH
//	sendmsg-unix PATH
//	connect-uring PROTO ADDR:PORT [sqpoll]
//	sendmsg-uring PROTO ADDR:PORT [sqpoll]
//	bind-uring PROTO ADDR:PORT [sqpoll]  since 6.11, EINVAL before
//	socket-uring FAMILY TYPE [PROTOCOL]  since 5.19
//	raw-send ADDR [FAMILY]  a raw packet of IP; FAMILY: unspec, for an address of AF_UNSPEC
//	packet-send  a frame on the loopback
//	bind PROTO ADDR:PORT
//	bindx PROTO ADDR:PORT...  of SCTP, to all of them
//	bind-unspec PROTO PORT  bind to AF_UNSPEC and the address 0
//	bind-zero PROTO  tells the port
//	bind-range LOW HIGH  port 0 with that ip_local_port_range, in a network namespace, and listen; tells the port
//	bind-range-option LOW HIGH  the same with IP_LOCAL_PORT_RANGE, where we are
//	bind-unix PATH [TYPE]  "" for a name that the kernel makes up
//	listen-unix-held PATH  bind, wait, listen
//	listen PROTO ADDR:PORT  bind and listen; tells the port
//	listen-unbound PROTO  listen without bind; tells the port
//	listen-held PROTO ADDR:PORT  bind, wait, listen; tells the port
//	autobind-udp [ADDR:PORT]  send without bind; tells the port
//	socket FAMILY TYPE [PROTOCOL]  names (inet, packet, netlink, vsock, alg; stream, dgram, raw) or numbers
//
// Mounts:
//
//	mount FSTYPE TARGET [FLAGS] [DATA]  FLAGS: ro,nosuid,nodev,noexec,noatime,relatime,silent,bind,rec
//	mount-bind SOURCE TARGET
//	mount-bind-notype SOURCE TARGET  without a type
//	mount-bogus-type SOURCE TARGET  with a type that does not exist
//	mount-rec SOURCE TARGET  bind with what is mounted below
//	mount-move SOURCE TARGET
//	mount-propagation TARGET [KIND]  KIND: private, shared, slave, unbindable; rec
//	remount TARGET FLAGS
//	remount-bind-ro TARGET
//	overlay-mount LOWER UPPER WORK TARGET
//	fsopen FSTYPE TARGET  fsopen, fsconfig, fsmount, move_mount
//	fsopen-use FSTYPE  without move_mount: makes a file in the detached mount
//	open-tree-move SOURCE TARGET  open_tree, move_mount
//	fspick TARGET [FLAG]  fspick, fsconfig, reconfigure; FLAG: ro, rw
//	mount-setattr TARGET [HOW]  HOW: + or - and ro, nosuid, nodev or noexec
//	umount TARGET [HOW]  HOW: detach, force, expire (twice), nofollow
//	pivot-root DIR  in a mount namespace; EINVAL on an initramfs
//	setns PID [KIND]  what follows is in that namespace, at its root; KIND: mnt, net, pid, uts, ipc, cgroup
//	userns-mount TARGET [UID:GID]  a tmpfs, as an ordinary user in a user namespace
//
// Identity; what follows is done as who this made us, and -1 is no change:
//
//	id  tells uid, euid, gid, egid, fsuid
//	setuid UID
//	seteuid UID
//	setreuid RUID EUID
//	setresuid RUID EUID SUID
//	setfsuid UID  tells the fsuid after it
//	setgid GID
//	setegid GID
//	setregid RGID EGID
//	setresgid RGID EGID SGID
//	setfsgid GID  tells the fsgid after it
//	setgroups [GID...]
//	setcap PATH CAPABILITY  give it to a file
//	capset HOW  HOW: + or - and the name of a capability, which is raised or lowered in the effective set
//
// What could be done to guard itself:
//
//	kill PID SIGNAL
//	pidfd-kill PID SIGNAL
//	ptrace-attach PID  and detach
//	bpf-map-by-id ID
//	bpf-prog-by-id ID
//	bpf-link-by-id ID
//	bpf-map-update-by-id ID  writes a value over itself
//	bpf-link-detach-by-id ID
//	obj-get PATH  open what is pinned there
//	exec-traced PATH [ARG...]  execute and trace it; tells the exit status
package main
