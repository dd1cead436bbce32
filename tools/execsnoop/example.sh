#!/bin/sh
# Writes execsnoop_example.txt: commentary, and transcripts of real runs. Every
# command line that is shown is run; nothing that it prints is edited.
#
#	env -i PATH=BIN:/usr/bin:/bin sh tools/execsnoop/example.sh
#
# It needs root, and execsnoop and jq in PATH. Each run is confined to the
# children of a shell of its own (-p PID --follow), so that whatever else this
# machine does stays out of the text.
set -eu
execsnoop=$(command -v execsnoop)
LC_ALL=C TZ=UTC PATH=/usr/bin:/bin
export LC_ALL TZ PATH
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/main"
cd "$dir"
cat >"$dir/report" <<'END'
#!/bin/sh
date -d @0 +%Y
wc -l "$@"
END
chmod +x "$dir/report"

# transcript FLAGS TRAFFIC [PIPE]: shows execsnoop with these flags, on what the
# shell commands TRAFFIC do.
transcript() {
	flags=$1 traffic=$2 pipe=${3:-}
	printf '\n# execsnoop%s%s\n' "${flags:+ $flags}" "${pipe:+ | $pipe}"
	: >"$dir/err" # what the last run said is not what this one says
	# A shell that executes nothing until it is told to go.
	mkfifo "$dir/go"
	sh -c "read go <\"$dir/go\"; cd \"$dir\"; $traffic" >/dev/null 2>&1 &
	shell=$!
	# shellcheck disable=SC2086 # flags are words
	eval "set -- $flags"
	"$execsnoop" -p "$shell" --follow "$@" >"$dir/out" 2>"$dir/err" &
	tool=$!
	until grep -q 'tracing, Ctrl-C' "$dir/err"; do
		kill -0 "$tool" 2>/dev/null || { cat "$dir/err" >&2; exit 1; }
		sleep 0.1
	done
	echo go >"$dir/go"
	wait "$shell" || :
	sleep 0.3
	kill -INT "$tool" 2>/dev/null || : # with --count it has ended
	wait "$tool"
	grep -q / "$dir/out" || { echo "example: execsnoop $flags: no events" >&2; exit 1; }
	if [ -n "$pipe" ]; then
		sh -c "$pipe" <"$dir/out"
	else
		cat "$dir/out"
	fi
	rm -f "$dir/go"
}

say() { echo && cat; }

cat <<'END'
Demonstrations of execsnoop, the Linux eBPF version of Ringside.


execsnoop prints a line for every program that is executed. Here a shell makes
a directory, asks the date, and runs a script:
END
transcript '' 'mkdir -p main/one; date; ./report main; sleep 0'
say <<'END'
PCOMM is the name that the process has after the exec, PID and PPID are its
process and its parent, RET is 0 for a success. ARGS are the file that was asked
for and the arguments after argv[0]. "./report" is a script: its line shows what
was asked for, though what the kernel ran is /bin/sh. The programs that the
script ran have the script as their parent.

In a run of your own a banner on the terminal says when tracing has begun, and
Ctrl-C ends it with a line of account; both go to stderr, so that a pipe gets
nothing but events. In this text they are left out. Every run shown here was
confined to one shell and its children, with -p and --follow; that is left out
of the command lines, too.


With -x, failed execs are shown as well. The shell looks for a command in
every directory of PATH, env tries to execute what is not there, and
/etc/passwd is there but is no program:
END
transcript '-x' 'env no-such-program; env /etc/passwd; date'
say <<'END'
RET is the negative errno: -2 is ENOENT, -13 is EACCES. A failed exec has the
name of the caller, because there is no new one.


-T adds the time of the event, -U the user id, -C the CPU:
END
transcript '-T -U -C' 'date; uname -s'
say <<'END'
-t counts seconds from the start of tracing. -M shows the name of the
parent as PCOMM; the first column is then COMM:
END
transcript '-t -M' './report main'
say <<'END'
Arguments can contain anything, and one event stays one line. Spaces are shown
as they are, unless -q asks for quotation marks. A newline is shown as \n:
END
transcript '' 'env true "two words" "a
newline"'
transcript '-q' 'env true "two words" "a
newline"'
say <<'END'
The table shows 20 arguments, or as many as --max-args says. " ..." tells that
there were more:
END
transcript '--max-args 4' 'env true 1 2 3 4 5 6'
transcript '--max-args 4' 'env true 1 2 3'
say <<'END'
-n matches the name with a regular expression, -l the arguments as ARGS shows
them:
END
transcript "-n '^(date|uname)\$'" 'date; uname -s; sleep 0'
transcript "-l 'main\$'" './report main; ls main; sleep 0'
say <<'END'
execsnoop ends by itself after --count events, or after a --duration:
END
transcript '--count 2' 'date; uname -s; sleep 0; sleep 0'
say <<'END'
--json writes one object per event, with everything that is known of it, for
jq and for log collectors. One line in full, wrapped by jq:
END
transcript '--json -l ^./report' './report main' 'jq .'
say <<'END'
What ran, and how long the kernel took to reject what did not (-x fills
duration_ns on every kernel):
END
transcript '-x --json' 'env no-such-program; date' \
	"jq -c '[.comm, .error, .filename, (.duration_ns > 0)]'"
say <<'END'
CSV has the same fields, with a head line:
END
transcript '-o csv' 'date; uname -s' 'cut -d, -f3,8,11-13'
say <<'END'
What stderr says: the banner, and at the end the account. Every exec that a hook
saw was printed, filtered (here: not a child of our shell), or lost:
END
transcript '' 'date; uname -s' >/dev/null
echo
echo '# execsnoop >/dev/null'
cat "$dir/err"
say <<'END'
--quiet leaves out both, but never a loss. With --fail-on-loss a loss makes the
exit code 1; a larger --buffer makes it less likely.

--check says where execsnoop would stand on this kernel, and as whom, without
tracing, and exits with the code that a run would have. The man page describes
all flags and fields. The help text:

END
echo '# execsnoop --help'
"$execsnoop" --help
