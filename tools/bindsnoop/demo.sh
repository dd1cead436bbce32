# What bindsnoop shows while a server starts, another wants its port, and one
# chooses none. In a small machine busybox has the programs.
serve() { # PORT
	if command -v python3 >/dev/null; then
		timeout 3 python3 -m http.server --bind 127.0.0.1 "$1" >/dev/null 2>&1
	else
		timeout 3 nc -l -p "$1" >/dev/null 2>&1
	fi
}
ip link set lo up 2>/dev/null || ifconfig lo up
bindsnoop -E -l &
tool=$!
sleep 2
serve 8081 &
sleep 1
serve 8081
serve 81 &
sleep 1
kill -INT "$tool"
wait
echo
echo "what listens already, written down and looked for:"
serve 8082 &
sleep 1
list=$(mktemp)
bindsnoop -q --save-baseline "$list" --duration 1s >/dev/null
cat "$list"
serve 8083 &
sleep 1
bindsnoop -q --baseline "$list" --existing --duration 1s || echo "exit status $?"
rm -f "$list"
wait
