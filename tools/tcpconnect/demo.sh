# What tcpconnect shows of connections on this machine: one that is refused, one
# that has no way, and one that succeeds.
tcpconnect --result &
tool=$!
sleep 2
if command -v bash >/dev/null; then
	bash -c ': >/dev/tcp/127.0.0.1/1' 2>/dev/null
	bash -c ': >/dev/tcp/255.255.255.255/80' 2>/dev/null
	bash -c ': >/dev/tcp/::1/1' 2>/dev/null
else
	wget -q -O /dev/null http://127.0.0.1:1/ 2>/dev/null
	wget -q -O /dev/null http://255.255.255.255/ 2>/dev/null
fi
sleep 1
kill -INT "$tool"
wait
echo
echo "and as JSON Lines, one of them:"
tcpconnect --json --count 1 --quiet &
sleep 2
if command -v bash >/dev/null; then
	bash -c ': >/dev/tcp/127.0.0.1/1' 2>/dev/null
else
	wget -q -O /dev/null http://127.0.0.1:1/ 2>/dev/null
fi
wait
