#!/bin/sh
# Writes capable_example.txt: commentary, and transcripts of real runs. Every
# command line that is shown is run; nothing that it prints is edited.
#
#	env -i PATH=BIN:/usr/bin:/bin sh tools/capable/example.sh
#
# It needs root, and capable, jq, and ping (iputils-ping) in PATH. Each run is
# confined to a command of its own (-- COMMAND), so that whatever else this
# machine does stays out of the text.
set -eu
capable=$(command -v capable)
LC_ALL=C TZ=UTC PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL TZ PATH
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir" # an ordinary user comes here, too
cd "$dir"
cat >service <<'END'
#!/bin/sh
rm -rf data
mkdir data
chown daemon data
echo up >data/state
nice -n -5 chroot / true
END
cat >user <<'END'
#!/bin/sh
chroot / true
chown root /etc/passwd
nice -n -5 true
END
chmod +x service user

# run FLAGS COMMAND [PIPE]: shows capable with these flags, on this command. What
# the command says is left out, as all of stderr.
run() {
	flags=$1 traffic=$2 pipe=${3:-}
	printf '\n# capable%s -- %s%s\n' "${flags:+ $flags}" "$traffic" "${pipe:+ | $pipe}"
	eval "set -- $flags -- $traffic"
	"$capable" "$@" >"$dir/.out" 2>"$dir/.err" || { cat "$dir/.err" >&2; exit 1; }
	[ -s "$dir/.out" ] || { echo "example: capable $flags: no output" >&2; exit 1; }
	if [ -n "$pipe" ]; then
		sh -c "$pipe" <"$dir/.out"
	else
		cat "$dir/.out"
	fi
}

say() { echo && cat; }

cat <<'END'
Demonstrations of capable, the Linux eBPF version of Ringside.


capable prints a line each time the kernel checks whether a task holds a
capability. Here a script makes a directory, gives it to another user, writes a
file in it, and starts something with a higher priority in a changed root:
END
run '' './service'
say <<'END'
CAP and NAME are the capability. AUDIT is 1 if a refusal may be written to the
audit log. Most checks of a machine are not audited, such as the one at each
mapping of memory; those are not shown unless -v asks for them. The question
mark says that this kernel allowed only the tracepoint, which does not tell
about audit, so that it was inferred from the kernel function that asked. On
kernels that allow fexit or kprobes there is none.

A command behind -- is traced with its children, and nothing else is. Without
it, capable traces the whole machine until Ctrl-C. A banner, what the command
says, and an account at the end go to stderr; in this text they are left out.


-x adds the thread, whether setuid() or its like asked, and the verdict.
setpriv becomes another user, and then tries to do as root does:
END
run '-x' 'setpriv --reuid nobody --regid nogroup --clear-groups ./user'
say <<'END'
The table without -x has no verdict, as it never had. --denied shows only what
was refused, which is where to begin with "Operation not permitted":
END
run '--denied' 'setpriv --reuid nobody --regid nogroup --clear-groups ./user'
say <<'END'
Why did the kernel ask? -K shows its stack below the line, and -U that of the
program:
END
run '-K -U --cap sys_nice' 'nice -n -5 true'
say <<'END'
--cap shows only some capabilities. --unique shows each one once per process,
granted and refused apart, or once per cgroup or container with --unique=cgroup
and --unique=container:
END
run '--cap net_raw,setpcap' 'ping -c 1 127.0.0.1'
run '--cap net_raw,setpcap --unique' 'ping -c 1 127.0.0.1'
say <<'END'
--json writes one object per check, with everything that is known of it, for
jq and for log collectors. One line in full, as it is:
END
run '--json --cap sys_chroot' 'chroot / true'
say <<'END'
Who was refused what, and in which system call:
END
run '--json --denied' 'setpriv --reuid nobody --regid nogroup --clear-groups ./user' \
	"jq -c '[.comm, .cap_name, .syscall]'"
say <<'END'
--profile prints no line for a check, but at the end what each executable,
systemd unit and container needs. --as runs the command as an ordinary user
who has all capabilities: it is refused nothing, and asks for what that user
would need. ping asked for three capabilities, and needs one:
END
run '--profile --as nobody' 'ping -c 1 127.0.0.1'
say <<'END'
Why only one? JSON has all that was asked for. It asked for CAP_SETUID to become
the user that it is already, and for CAP_SETPCAP to give up capabilities, which
everybody may:
END
run '--profile --as nobody --json' 'ping -c 1 127.0.0.1' \
	"jq -c 'select(.by == \"executable\") | {name, least, used, needless, refused}'"
say <<'END'
--format writes it ready to use, for a file, a systemd unit, docker run, and
Kubernetes:
END
for format in setcap systemd docker k8s; do
	run "--profile --as nobody --format $format" 'ping -c 1 127.0.0.1'
done
say <<'END'
A script is not an executable. What the kernel runs is its interpreter, and what
the script starts has lines of its own. Only the line by command has the sum:
END
run '--profile --as nobody' './service'
say <<'END'
A file capability for /usr/bin/dash would be one for every script of the machine.
A profile knows no more than what happened while it was taken, and what is
refused is not always needed; the man page says how to read one.


What stderr says: the banner, what the command says, and at the end the
account. Every check in scope was printed (or counted, in a profile), filtered
(here: not of our command), or lost:

# capable -- ping -c 1 127.0.0.1 >/dev/null
END
"$capable" -- ping -c 1 127.0.0.1 2>&1 >/dev/null
say <<'END'
--check says where capable would stand on this kernel, and as whom, without
tracing, and exits with the code that a run would have. The man page describes
all flags and fields. The help text:

END
echo '# capable --help'
"$capable" --help
