# What tlscap shows of a client and a server that speak TLS with each other.
if ! command -v openssl >/dev/null; then
	echo "there is no TLS library here to show it on; this is what tlscap finds:"
	tlscap --list
	exit
fi
ip link set lo up 2>/dev/null || ifconfig lo up
dir=$(mktemp -d)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/key" -out "$dir/cert" -days 2 -subj /CN=localhost 2>/dev/null
echo "said inside TLS" >"$dir/hello"
(cd "$dir" && exec openssl s_server -accept 127.0.0.1:18445 -cert cert -key key -WWW -quiet >/dev/null 2>&1) &
server=$!
tlscap --comm openssl &
tool=$!
sleep 2
printf 'GET /hello HTTP/1.0\r\nHost: localhost\r\n\r\n' | timeout 3 openssl s_client -connect 127.0.0.1:18445 -quiet >/dev/null 2>&1
sleep 1
kill -INT "$tool"
wait "$tool"
echo
echo "the secrets of another connection, as they are told, and the file:"
tlscap --mode keylog --keylog-file "$dir/keys" --comm openssl &
tool=$!
sleep 2
timeout 2 openssl s_client -connect 127.0.0.1:18445 -quiet </dev/null >/dev/null 2>&1
sleep 1
kill -INT "$tool"
wait "$tool"
cut -c 1-60 "$dir/keys"
kill "$server"
rm -rf "$dir"
