# What guard shows while files are read that a policy protects, a program is run
# from /tmp, and the policy is changed. In a small machine busybox has the programs.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/files"
echo secret >"$dir/files/key"
for program in /usr/bin/busybox /bin/echo; do
	[ -e "$program" ] && cp "$program" "$dir/echo" && break
done
policy() { # RULE
	cat >"$dir/demo.yaml" <<END
version: 1
name: demo
mode: enforce
rules:
  - {id: key, subject: all, action: deny, message: a key, file: {paths: "$dir/files/**", access: $1}}
  - {id: dropped, subject: all, action: deny, mode: audit, exec: {paths: "$dir/*"}}
END
}
policy read
guard check "$dir/demo.yaml"
guard explain --exe /bin/cat --open "$dir/files/key" "$dir/demo.yaml"
echo
guard run -p "$dir/demo.yaml" 2>"$dir/err" &
guard=$!
until grep -q tracing "$dir/err"; do kill -0 "$guard" || break; sleep 1; done
cat "$dir/files/key"
"$dir/echo" executed
sleep 1
policy write # and no longer read
kill -HUP "$guard"
until grep -q 'new policies' "$dir/err"; do kill -0 "$guard" || break; sleep 1; done
cat "$dir/files/key"
echo another >"$dir/files/key"
sleep 1
kill -INT "$guard"
wait "$guard"
echo
cat "$dir/err"
