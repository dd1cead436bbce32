#!/bin/sh
# Writes tlscap_example.txt: commentary, and transcripts of real runs. Every command line
# that is shown is run; nothing that it prints is edited.
#
#	env -i PATH=BIN:/usr/bin:/bin sh tools/tlscap/example.sh
#
# It needs root, and tlscap, openssl, curl, tshark and jq in PATH. Client and server run in a
# network namespace of their own, and each run is confined to the client (--comm curl), so
# that whatever else this machine says stays out of the text.
set -eu
if [ "${1:-}" != inside ]; then
	exec unshare --net sh "$0" inside
fi
tlscap=$(command -v tlscap)
LC_ALL=C PATH=/usr/bin:/bin
export LC_ALL PATH
ip link set lo up
dir=/tmp/tlscap-example
rm -rf "$dir"
mkdir "$dir"
trap 'rm -rf "$dir"' EXIT
cd "$dir"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert -days 2 -subj /CN=localhost 2>/dev/null
printf '{"balance": 1009}\n' >account.json
openssl s_server -accept 127.0.0.1:8443 -cert cert -key key -WWW -quiet >/dev/null 2>&1 &
server=$!
until curl -sk https://127.0.0.1:8443/account.json >/dev/null; do sleep 0.1; done

# transcript FLAGS TRAFFIC [PIPE]: shows tlscap with these flags, on what the shell commands
# TRAFFIC do.
transcript() {
	flags=$1 traffic=$2 pipe=${3:-}
	printf '\n# tlscap%s%s\n' "${flags:+ $flags}" "${pipe:+ | $pipe}"
	: >err
	# shellcheck disable=SC2086 # flags are words
	"$tlscap" --comm curl $flags >out 2>err &
	tool=$!
	until grep -q 'tracing, Ctrl-C' err; do
		kill -0 "$tool" 2>/dev/null || { cat err >&2; exit 1; }
		sleep 0.1
	done
	sh -c "$traffic" >/dev/null 2>&1 || :
	sleep 0.5
	kill -INT "$tool"
	wait "$tool" || :
	if [ -n "$pipe" ]; then
		sh -c "$pipe" <out
	else
		cat out
	fi
}

say() { echo && cat; }

cat <<'END'
Demonstrations of tlscap, the Linux eBPF version of Ringside.


tlscap shows what programs say inside TLS. Here curl asks a server on this machine
for a document; what it sends and what it gets is put together to messages of HTTP:
END
transcript '' 'curl -sk https://127.0.0.1:8443/account.json'
say <<'END'
The row above each message has the process, the library whose function it called,
the length of the body, and the connection: its number in this run, both ends, and
the descriptor of the socket.

In a run of your own a banner on the terminal says when tracing has begun, and
Ctrl-C ends it with a line of account; both go to stderr, so that a pipe gets
nothing but events. In this text they are left out. The runs shown here were
confined to curl, with --comm; that is left out of the command lines, too.


--raw shows the bytes of each call as they are, without HTTP, and --hex as a dump.
--max-bytes shows the beginning only, and how much there was:
END
transcript '--raw' 'curl -sk https://127.0.0.1:8443/account.json'
transcript '--hex --max-bytes 40' 'curl -sk https://127.0.0.1:8443/account.json'
say <<'END'
JSON has all that is known, for a pipeline:
END
transcript '--json' 'curl -sk https://127.0.0.1:8443/account.json' 'jq -c "{comm, op, message, method, path, status, body, latency_ns}"'
say <<'END'
With --mode keylog the secrets of connections go to a file, from which Wireshark
decrypts what was captured on the wire. The table tells which, and not the secrets:
END
transcript '--mode keylog --keylog-file keys' 'curl -sk https://127.0.0.1:8443/account.json'
printf '\n# ls -l keys | cut -c 1-10; cut -c 1-50 keys\n'
ls -l keys | cut -c 1-10
cut -c 1-50 keys
say <<'END'
With --mode pcapng the packets themselves go to a file, with the secrets that decrypt
them. Behind the flags is a filter, as tcpdump has them. Tshark needs nothing but the
file; each packet says whose it is:
END
transcript '--mode pcapng -i lo --pcap-file packets tcp port 8443' 'curl -sk https://127.0.0.1:8443/account.json'
printf '\n# tshark -r packets -d tcp.port==8443,tls -Y http -T fields -e _ws.col.Info -e frame.comment\n'
tshark -r packets -d tcp.port==8443,tls -Y http -T fields -e _ws.col.Info -e frame.comment 2>/dev/null
say <<'END'
--list shows which libraries there are, how many processes have them, and how what
is said and the secrets can be captured of each. Here of one library:
END
lib=$(ldd "$(command -v curl)" | awk '/libssl/ { print $3 }')
printf '\n# tlscap --list --lib %s\n' "$lib"
"$tlscap" --list --lib "$lib"
kill "$server"
printf '\nThe help text:\n\n'
"$tlscap" --help
