#!/bin/sh
# Writes docs/guard-ssh.md: commentary, and transcripts of a real run. Every command
# that is shown is run, and what it prints is not edited. `make walk` runs it in a
# virtual machine that has the packages of testdata/packages, guard, no-ssh (the
# example of package engine as a program), guard-workload and, in /walk, testdata.
set -eu
cd /root
PATH=$PATH:/walk
server
cp /walk/no-ssh.yaml /etc/

# shown COMMAND: the command line, and what it prints.
shown() {
	printf '    # %s\n' "$1"
	sh -c "$1" >out 2>&1 || echo "[exit status $?]" >>out
	tr -d '\r' <out | sed 's/^/    /; s/ *$//'
}
# begin COMMAND: starts what enforces, and waits until it does.
begin() {
	printf '    # %s\n' "$1"
	sh -c "exec $1" >alerts 2>err &
	enforcer=$!
	until grep -q 'tracing, Ctrl-C' err; do
		kill -0 "$enforcer" 2>/dev/null || { cat err >&2; exit 1; }
		sleep 0.2
	done
}
# end [PID...]: ends it, by what Ctrl-C sends, and shows the alerts.
end() {
	sleep 1
	kill -INT "${@:-$enforcer}"
	wait "$enforcer" || :
	sed 's/^/    /; s/ *$//' alerts
}
say() { echo && cat && echo; }
box1=$(printf 'c0ffee%058d' 1) box2=$(printf 'c0ffee%058d' 2)

cat <<'END'
# Nobody listens on port 22

A walk through [`guard`](../tools/guard/guard.8): one rule, a real SSH server (OpenSSH of Debian), and three
places to try it from: the machine, a container, and a container that has `guard` itself in it. What follows was written by
[walk.sh](../tools/guard/debian/walk.sh) (`make walk`) in a virtual machine with a stock kernel, from what the commands printed;
the [tests](../tools/guard/debian) do the same on all kernels of the matrix.

## The rule

END
shown 'cat /etc/no-ssh.yaml'
say <<'END'
`subject: all` is every process, in whatever container. `bind` is having an address as one's own: binding to it, or listening
on it without. As the rule names neither addresses nor protocols, it is about all of them: IPv4, IPv6, both by one socket,
TCP, UDP, MPTCP, SCTP, by system call or io_uring.

`guard check` has something to say about it, without a privilege:
END
shown 'guard check /etc/no-ssh.yaml'
say <<'END'
The warning is right: who has CAP_NET_RAW can send and receive packets of any port without a socket that is bound to it,
and answer by himself. No SSH server does that; to close it, add the two rules that it names.

## On the machine

`guard` enforces the policy in one terminal; in the other somebody starts a server:
END
begin 'guard run /etc/no-ssh.yaml'
shown '/usr/sbin/sshd -D -e' >did
end
say <<'END'
and sees
END
cat did
say <<'END'
The kernel refused, so that there was no moment at which it listened. The banner of `guard` and its account go to stderr:
END
sed 's/^/    /' err
say <<'END'
A program that does nothing else tries other ways to the port:
END
begin 'guard run /etc/no-ssh.yaml'
shown 'guard-workload bind tcp6 [::ffff:0.0.0.0]:22 -- bind-uring tcp6 [::]:22 -- bind udp4 0.0.0.0:22 -- bind-range 22 22 -- listen tcp4 0.0.0.0:2222' >did
end
say <<'END'
An address of IPv4 on a socket of IPv6, io_uring, UDP, and port 0 where the kernel has no port to choose but 22, all refused;
and port 2222, which no rule is about:
END
cat did
say <<'END'
What listened before the policy came goes on listening. `bindsnoop --existing` lists what that is.

## In a container

The container here is made of what every runtime makes one of: namespaces for mounts, processes, networks, host name, IPC and
cgroups, a root of its own, and a cgroup with the container's id in its name. [box](../tools/guard/debian/testdata/box) is
a script of 40 lines that does so. What runs in it is the first of its processes, in a network of its own:
END
shown "box $box1 sh -c 'echo process \$\$ on \$(hostname), cgroup \$(cat /proc/self/cgroup); ls /sys/class/net'"
say <<'END'
`guard` on the machine again, with JSON this time, and in the container:
END
begin 'guard run --json /etc/no-ssh.yaml'
shown "box $box1 /usr/sbin/sshd -D -e" >did
end >told
cat did
say <<'END'
The alert has what the machine knows of it: the process id there, and the container. Of the two, the first:
END
grep '"type":"event"' told | head -n 1 | sed 's/^ *//' | tr ',' '\n' | grep -E '^.?"(time|pid|comm|container_id|rule|hook|action|errno|exe|mntns|addr|port)":' | sed 's/^{*/    /'
say <<'END'
A rule can be about one container alone: with `subject: {container: c0ffee000000}` in place of `all`, the others may listen.

## With guard in a container

`guard` may be what is in the container. It needs three capabilities, CAP_BPF, CAP_PERFMON and CAP_DAC_READ_SEARCH (and
CAP_SYS_RESOURCE before 5.11), a system call filter that lets `bpf` through, and nothing of the machine: neither its
processes nor its files, no bpffs and no securityfs. Here:
END
begin "env BOX_CAPS=+bpf,+perfmon,+dac_read_search box $box2 guard run --json /etc/no-ssh.yaml" >begun
cat begun
printf '\nand in another terminal, on the machine:\n\n'
shown '/usr/sbin/sshd -D -e'
shown "box $box1 /usr/sbin/sshd -D -e" >did
printf '\nand in the first container:\n\n'
cat did
end $(cat "/sys/fs/cgroup/docker-$box2.scope/cgroup.procs") >told
say <<'END'
It has told all four attempts. Process ids and containers are those of the machine, of which `guard` sees nothing itself:
END
grep '"type":"event"' told | while read -r line; do
	echo "$line" | tr ',' '\n' | grep -E '"(pid|container_id|exe|addr)"' | tr '\n' ' ' | sed 's/^/    /; s/ $//'
	echo
done
say <<'END'
What a container does not see, a policy there cannot name. `guard` then says what it takes, and enforces nothing:
END
cat >/etc/keys.yaml <<'X'
version: 1
name: keys
mode: enforce
rules:
  - {id: keys, subject: all, file: {paths: /etc/ssh/ssh_host_rsa_key}, action: deny}
X
shown "env BOX_CAPS=+bpf,+perfmon,+dac_read_search box $box2 guard run -q /etc/keys.yaml"
say <<'END'
## From a program

The engine is a Go package. [example_test.go](../tools/guard/engine/example_test.go) is this policy as a program of one
page; as `no-ssh` it was run here:
END
sed -n '/^func/,$p' /walk/example_test.go | sed 's/^func Example()/func main()/; s/^./    &/'
printf '\nWhile it runs, the server is refused:\n\n'
printf '    # no-ssh\n'
no-ssh >alerts 2>err &
enforcer=$!
until guard-workload bind tcp4 127.0.0.1:22 | grep -q EPERM; do kill -0 "$enforcer"; sleep 0.2; done
sleep 1
from=$(wc -l <alerts) # of the attempts that found out whether it runs
shown '/usr/sbin/sshd -D -e' >did
sleep 1
kill "$enforcer"
tail -n "+$((from + 1))" alerts | sed 's/^/    /'
echo
cat did
