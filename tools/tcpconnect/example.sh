#!/bin/sh
# Writes tcpconnect_example.txt: commentary, and transcripts of real runs. Every
# command line that is shown is run; nothing that it prints is edited.
#
#	env -i PATH=BIN:/usr/bin:/bin sh tools/tcpconnect/example.sh
#
# It needs root, and tcpconnect, bash, perl and jq in PATH. Each run is confined
# to the children of a shell of its own (-p PID --follow), so that whatever else
# this machine does stays out of the text. Nothing leaves the machine.
set -eu
tcpconnect=$(command -v tcpconnect)
LC_ALL=C TZ=UTC PATH=/usr/bin:/bin
export LC_ALL TZ PATH
dir=$(mktemp -d)
server= resolver=
trap 'rm -rf "$dir"; for p in $server $resolver; do kill "$p"; done' EXIT

# A server on port 8080 of both versions, that closes what it accepts.
perl -MIO::Socket::IP -MIO::Select -e '
	my @s = map { IO::Socket::IP->new(Listen => 9, LocalHost => $_, LocalPort => 8080, ReuseAddr => 1, V6Only => 1) || die } "127.0.0.1", "::1";
	$| = 1; print "ready\n";
	while (my @ready = IO::Select->new(@s)->can_read) { close $_->accept for @ready }' >"$dir/server" &
server=$!
until grep -q ready "$dir/server"; do sleep 0.1; done

# go ADDR PORT connects, by a program that has its own name.
ln -s /bin/bash "$dir/client"
cat >"$dir/go" <<END
#!/bin/sh
exec "$dir/client" -c ': >/dev/tcp/\$0/\$1' "\$1" "\$2" 2>/dev/null
END
chmod +x "$dir/go"

# A resolver on port 53 that says of every name that it is 127.0.0.7, and ask
# NAME, which asks it.
cat >"$dir/resolver" <<'END'
#!/usr/bin/perl
use IO::Socket::IP;
my $s = IO::Socket::IP->new(Proto => "udp", LocalHost => "127.0.0.1", LocalPort => 53) || die;
$| = 1; print "ready\n";
while ($s->recv(my $query, 512)) {
	$s->send(substr($query, 0, 2) . pack("n5", 0x8180, 1, 1, 0, 0) . substr($query, 12) . pack("nnnNnC4", 0xc00c, 1, 1, 60, 4, 127, 0, 0, 7));
}
END
cat >"$dir/ask" <<'END'
#!/usr/bin/perl
use IO::Socket::IP;
my $s = IO::Socket::IP->new(Proto => "udp", PeerHost => "127.0.0.1", PeerPort => 53) || die;
$s->send(pack("n6", 7, 0x100, 1, 0, 0, 0) . join("", map { pack("C/a*", $_) } split(/\./, $ARGV[0])) . pack("Cnn", 0, 1, 1));
$s->recv(my $answer, 512);
END
chmod +x "$dir/resolver" "$dir/ask"
"$dir/resolver" >"$dir/resolving" &
resolver=$!
until grep -q ready "$dir/resolving"; do sleep 0.1; done

# transcript FLAGS TRAFFIC [PIPE]: shows tcpconnect with these flags, on what the
# shell commands TRAFFIC do.
transcript() {
	flags=$1 traffic=$2 pipe=${3:-}
	printf '\n# tcpconnect%s%s\n' "${flags:+ $flags}" "${pipe:+ | $pipe}"
	: >"$dir/err" # what the last run said is not what this one says
	# A shell that does nothing until it is told to go.
	mkfifo "$dir/fifo"
	sh -c "read go <\"$dir/fifo\"; go=\"$dir/go\" ask=\"$dir/ask\"; $traffic" >/dev/null 2>&1 &
	shell=$!
	# shellcheck disable=SC2086 # flags are words
	"$tcpconnect" -p "$shell" --follow $flags >"$dir/out" 2>"$dir/err" &
	tool=$!
	until grep -q 'tracing, Ctrl-C' "$dir/err"; do
		kill -0 "$tool" 2>/dev/null || { cat "$dir/err" >&2; exit 1; }
		sleep 0.1
	done
	echo go >"$dir/fifo"
	wait "$shell" || :
	sleep 0.3
	kill -INT "$tool" 2>/dev/null || : # with --count it has ended
	wait "$tool"
	grep -q client "$dir/out" || [ "${flags#*-c}" != "$flags" ] || [ "${flags#*csv}" != "$flags" ] ||
		{ echo "example: tcpconnect $flags: no events" >&2; exit 1; }
	if [ -n "$pipe" ]; then
		sh -c "$pipe" <"$dir/out"
	else
		cat "$dir/out"
	fi
	rm -f "$dir/fifo"
}

say() { echo && cat; }

cat <<'END'
Demonstrations of tcpconnect, the Linux eBPF version of Ringside.


tcpconnect prints a line for every attempt to open a TCP connection. Here a
program connects to a server on this machine, by IPv4 and by IPv6, to a port
where nobody listens, and to an address that no route leads to:
END
transcript '' '$go 127.0.0.1 8080; $go ::1 8080; $go 127.0.0.1 81; $go 255.255.255.255 80'
say <<'END'
PID and COMM are the process and the first 12 bytes of its name, IP is the
version, SADDR and DADDR are source and destination, DPORT is the port of the
destination. All four are attempts, though two of them fail. The last one failed
before it got a source address, which is shown as "-".

In a run of your own a banner on the terminal says when tracing has begun, and
Ctrl-C ends it with a line of account; both go to stderr, so that a pipe gets
nothing but events. In this text they are left out. Every run shown here was
confined to one shell and its children, with -p and --follow; that is left out
of the command lines, too.


--result waits for the outcome and tells it, with the name of the errno and the
milliseconds that it took:
END
transcript '--result' '$go 127.0.0.1 8080; $go 127.0.0.1 81; $go 255.255.255.255 80'
say <<'END'
--failed leaves out connections that succeed, and --only has a list of results:
END
transcript '--failed --result' '$go 127.0.0.1 8080; $go 127.0.0.1 81; $go 255.255.255.255 80'
transcript '--only refused' '$go 127.0.0.1 8080; $go 127.0.0.1 81; $go 255.255.255.255 80'
say <<'END'
-t adds seconds since the first event, -U the user id, -L the source port:
END
transcript '-t -U -L' '$go 127.0.0.1 8080; sleep 0.25; $go ::1 8080'
say <<'END'
-P selects destination ports, --not-port excludes them, --net selects networks,
-4 and -6 a version:
END
transcript '-P 80,8080 --net 127.0.0.0/8,::1' '$go 127.0.0.1 8080; $go ::1 8080; $go 127.0.0.1 81; $go 255.255.255.255 80'
transcript '-4 --not-port 8080' '$go 127.0.0.1 8080; $go ::1 81; $go 127.0.0.1 81'
say <<'END'
-c counts in the kernel and prints the sums at the end. With -s each source port
has a row of its own:
END
transcript '-c' 'for i in 1 2 3; do $go 127.0.0.1 8080; done; $go ::1 8080; $go 127.0.0.1 81'
transcript '-c -s' 'for i in 1 2; do $go 127.0.0.1 8080; done; $go 127.0.0.1 81'
say <<'END'
-d names destinations, from the answers of DNS that were seen since the start.
An answer that is older than 100 ms comes with its age: the name is then more of
a guess. Here "ask" asks a resolver on this machine for web.example.test:
END
transcript '-d' '$go 127.0.0.1 8080; $go 127.0.0.7 8080; $ask web.example.test; $go 127.0.0.7 8080; sleep 0.3; $go 127.0.0.7 81; $go 255.255.255.255 80'
say <<'END'
--json writes one object per attempt, with everything that is known of it, for
jq and for log collectors. One line in full, wrapped by jq:
END
transcript '--json' '$go 127.0.0.1 8080' 'jq .'
say <<'END'
What failed, and how:
END
transcript '--failed --json' '$go 127.0.0.1 8080; $go 127.0.0.1 81; $go 255.255.255.255 80' \
	"jq -c '[.comm, .daddr, .dport, .result, .error, .latency_ns != null]'"
say <<'END'
CSV has the same fields, with a head line:
END
transcript '-o csv' '$go 127.0.0.1 8080; $go 127.0.0.1 81' 'cut -d, -f3,8,11-19'
say <<'END'
What stderr says: the banner, and at the end the account. Every attempt that was
seen was printed, filtered (here: not a child of our shell), or lost:
END
transcript '' '$go 127.0.0.1 8080; $go 127.0.0.1 81' >/dev/null
echo
echo '# tcpconnect >/dev/null'
cat "$dir/err"
say <<'END'
--check says where tcpconnect would stand on this kernel, and as whom, without
tracing, and exits with the code that a run would have. The man page describes
all flags and fields. The help text:

END
echo '# tcpconnect --help'
"$tcpconnect" --help
