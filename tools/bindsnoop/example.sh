#!/bin/sh
# Writes bindsnoop_example.txt: commentary, and transcripts of real runs. Every
# command line that is shown is run; nothing that it prints is edited.
#
#	env -i PATH=BIN:/usr/bin:/bin sh tools/bindsnoop/example.sh
#
# It needs root, and bindsnoop, python3 and jq in PATH. Servers run in a network
# namespace of their own, and each run is confined to the children of a shell
# (-p PID --follow), or to their name, so that whatever else this machine does
# stays out of the text.
set -eu
if [ "${1:-}" != inside ]; then
	exec unshare --net sh "$0" inside
fi
bindsnoop=$(command -v bindsnoop)
LC_ALL=C PATH=/usr/bin:/bin
export LC_ALL PATH
ip link set lo up
dir=/tmp/servers
mkdir "$dir"
trap 'rm -rf "$dir"' EXIT
cat >"$dir/bind.py" <<'END'
import socket, sys
kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[sys.argv[1]]
family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
s = socket.socket(family, kind)
for option in sys.argv[4:]:
    level = socket.SOL_SOCKET if option.startswith("SO_") else socket.SOL_IP
    s.setsockopt(level, {"IP_FREEBIND": 15}.get(option) or getattr(socket, option), 1)
try:
    s.bind((sys.argv[2], int(sys.argv[3])))
    if kind == socket.SOCK_STREAM:
        s.listen(16)
except OSError:
    pass
END
# Programs of different names; a name of its own keeps the rest of the machine out.
cp "$(readlink -f /usr/bin/python3)" "$dir/webserver"
cp "$dir/webserver" "$dir/resolver"
cp "$dir/webserver" "$dir/intruder"
cd "$dir"
cat >"$dir/serve" <<'END'
program=$1
shift
./"$program" -I bind.py "$@"
END

# transcript FLAGS TRAFFIC [PIPE]: shows bindsnoop with these flags, on what the
# shell commands TRAFFIC do.
transcript() {
	flags=$1 traffic=$2 pipe=${3:-}
	printf '\n# bindsnoop%s%s\n' "${flags:+ $flags}" "${pipe:+ | $pipe}"
	: >"$dir/err" # what the last run said is not what this one says
	mkfifo "$dir/go"
	sh -c "read go <\"$dir/go\"; serve() { sh ./serve \"\$@\"; }; $traffic" >/dev/null 2>&1 &
	shell=$!
	# shellcheck disable=SC2086 # flags are words
	eval "set -- $flags"
	"$bindsnoop" -p "$shell" --follow "$@" >"$dir/out" 2>"$dir/err" &
	tool=$!
	until grep -q 'tracing, Ctrl-C' "$dir/err"; do
		kill -0 "$tool" 2>/dev/null || { cat "$dir/err" >&2; exit 1; }
		sleep 0.1
	done
	echo go >"$dir/go"
	wait "$shell" || :
	sleep 0.3
	kill -INT "$tool" 2>/dev/null || :
	wait "$tool" || status=$?
	if [ -n "$pipe" ]; then
		sh -c "$pipe" <"$dir/out"
	else
		cat "$dir/out"
	fi
	rm -f "$dir/go"
}

say() { echo && cat; }

cat <<'END'
Demonstrations of bindsnoop, the Linux eBPF version of Ringside.


bindsnoop prints a line for every TCP or UDP socket that is bound. Here a server
binds a web port with two options set, another one the DNS port for both IPv4 and
IPv6, and a client a port that the kernel chooses:
END
transcript '' 'serve webserver tcp 0.0.0.0 8080 SO_REUSEADDR SO_REUSEPORT
serve resolver udp 127.0.0.1 53
serve resolver udp ::1 53
serve webserver udp 127.0.0.1 0'
say <<'END'
PROT, ADDR and PORT are what the socket got. OPTS are options that were set
before: F for IP_FREEBIND, T for IP_TRANSPARENT, N for IP_BIND_ADDRESS_NO_PORT,
R for SO_REUSEADDR, r for SO_REUSEPORT. IF is the index of the interface that the
socket is bound to, 0 for all. The * marks a privileged port, below 1024.

In a run of your own a banner on the terminal says when tracing has begun, and
Ctrl-C ends it with a line of account; both go to stderr, so that a pipe gets
nothing but events. In this text they are left out. The runs shown here were
confined to one shell and its children, with -p and --follow; that is left out
of the command lines, too.


-E shows failed binds as well, with the address that was asked for, and -U who it
was. An address that this machine does not have, once with IP_FREEBIND:
END
transcript '-E -U' 'serve webserver tcp 192.0.2.7 8080
serve webserver tcp 192.0.2.7 8080 IP_FREEBIND'
say <<'END'
RC is the negative errno: -99 is EADDRNOTAVAIL. With -w the addresses of IPv6
have room, and RC is in words:
END
transcript '-E -w' 'serve webserver tcp 2001:db8::7 8080
serve webserver tcp ::1 8080'
say <<'END'
-l shows listen() too. --listen-only shows just what listens: TCP sockets from
listen() on, and UDP sockets that are bound to a port of their choice. The client
from above is not there:
END
transcript '-l' 'serve webserver tcp 127.0.0.1 8080'
transcript '--listen-only' 'serve webserver tcp 127.0.0.1 8080
serve resolver udp 127.0.0.1 53
serve webserver udp 127.0.0.1 0'
say <<'END'
-P takes ports and ranges:
END
transcript '-P 53,8000-8100' 'serve webserver tcp 127.0.0.1 8079
serve webserver tcp 127.0.0.1 8101
serve resolver udp 127.0.0.1 53'
say <<'END'
JSON has more: the executable, the network namespace, whether the kernel chose the
port, how many connections may wait:
END
transcript '--listen-only --json' 'serve webserver tcp 127.0.0.1 8080' 'jq -c "{op, protocol, addr, port, ephemeral, backlog, exe, uid}"'
say <<'END'
To find listeners that should not be there, --save-baseline writes down what is
expected. Here is such a list:

# cat listeners
END
cat >listeners <<END
# protocol address port executable
tcp 127.0.0.1 8080 $dir/webserver
udp * 53 $dir/resolver
END
cat listeners
say <<'END'
With it, only what is not in it is shown: another port, or another program on the
same one:
END
transcript '--baseline listeners' 'serve webserver tcp 127.0.0.1 8080
serve resolver udp 127.0.0.1 53
serve webserver tcp 127.0.0.1 8081
serve intruder tcp 127.0.0.1 8080'
printf '\nThe exit status is %s then:\n\n# echo $?\n%s\n' "$status" "$status"
say <<'END'
--existing begins with what listens already, so that a cron job can look at one
moment. Here something has been listening on a high port for a while:
END
mkfifo hold
./intruder -I -c 'import socket
s = socket.create_server(("127.0.0.1", 44444))
open("hold").read()' &
holder=$!
until ss -ltn 2>/dev/null | grep -q :44444 || grep -qi :AD9C /proc/net/tcp; do sleep 0.1; done
printf '\n# bindsnoop -q --baseline listeners --existing --duration 1s --comm intruder\n'
"$bindsnoop" -q --baseline listeners --existing --duration 1s --comm intruder 2>err || :
cat err
: >hold
wait "$holder" || :
say <<'END'
--count-binds counts, and prints the sums at the end:
END
transcript '--count-binds' 'for i in 1 2 3; do serve webserver tcp 127.0.0.1 8080; done; serve resolver udp ::1 53'
printf '\nThe help text:\n\n'
"$bindsnoop" --help
