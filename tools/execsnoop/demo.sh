# What execsnoop shows while a few programs run, and some fail to.
execsnoop -x -T &
tool=$!
sleep 2
mkdir -p /tmp/ringside-demo/main
(cd /tmp/ringside-demo && printf '#!/bin/sh\necho from a script "$@"\n' >script && chmod +x script && ./script one 'two words')
env true --with "$(printf 'a\nnewline')"
env no-such-program 2>/dev/null
/bin/sh -c 'exec /etc/passwd' 2>/dev/null
rm -r /tmp/ringside-demo
sleep 1
kill -INT "$tool"
wait
echo
echo "and as JSON Lines, one of them:"
execsnoop --json --count 1 --quiet &
sleep 2
env true 'for jq'
wait
