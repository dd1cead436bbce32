#!/bin/sh
# Writes filesnoop_example.txt: commentary, and transcripts of real runs. Every
# command line that is shown is run; nothing that it prints is edited.
#
#	env -i PATH=BIN:/usr/bin:/bin sh tools/filesnoop/example.sh
#
# It needs root, and filesnoop, jq and openssl in PATH. Each run traces one command
# (behind --) and looks at one directory, so that whatever else this machine does
# stays out of the text.
set -eu
filesnoop=$(command -v filesnoop)
LC_ALL=C PATH=/usr/bin:/bin
export LC_ALL PATH
dir=/tmp/work
mkdir "$dir"
trap 'rm -rf "$dir" /tmp/filesnoop.err' EXIT
cd "$dir"

# transcript FLAGS WORK [PIPE]: shows filesnoop with these flags, on what the shell
# commands WORK do.
transcript() {
	flags=$1 work=$2 pipe=${3:-cat}
	printf '\n# filesnoop%s%s\n' "${flags:+ $flags}" "$([ "$pipe" = cat ] || echo " | $pipe")"
	# shellcheck disable=SC2086 # flags are words
	eval "set -- $flags"
	"$filesnoop" --path "$dir" "$@" -- sh -c "$work" 2>/tmp/filesnoop.err | sh -c "$pipe"
	grep -q 'filtered + 0 lost' /tmp/filesnoop.err || { cat /tmp/filesnoop.err >&2; exit 1; }
}

documents() {
	rm -rf docs
	mkdir docs
	for i in $(seq 100 140); do seq "$i" 600 >"docs/$i.txt"; done
}

say() { echo && cat; }

cat <<'END'
Demonstrations of filesnoop, the Linux eBPF version of Ringside.


filesnoop prints a line for every file that is opened, made, deleted, renamed,
linked or truncated. Here a shell works in a directory, with relative names:
END
transcript '' 'echo one > a; cat a > /dev/null; mv a b; ln b c; ln -s b d; truncate -s 9 b; mkdir e; rmdir e; rm b c d'
say <<'END'
PATH is the full path, however the file was named. An open that made its file is
a create; behind -> stands the other name.

In a run of your own a banner on the terminal says when tracing has begun, and
Ctrl-C ends it with a line of account; both go to stderr, so that a pipe gets
nothing but events. In this text they are left out. The runs shown here were
confined to one command, with -- COMMAND, and to one directory, with --path; that
is left out of the command lines, too.


Calls that failed are not shown, unless with --errors, or alone with -x:
END
transcript '--errors' 'cat missing; rm -f missing; mkdir /tmp/work'
transcript '-x' 'echo one > a; cat a b; rm a'
say <<'END'
--write shows what is written, and how much it was when the file is closed:
END
transcript '--write' '(echo one; echo two) > a; cp a b; : > a; truncate -s 100 b; rm a b'
say <<'END'
--all has everything, attributes as well:
END
transcript '--all' 'touch a; chmod 600 a; chown 7:8 a; rm a'
say <<'END'
--create, --delete and --rename select, and --glob looks at names:
END
transcript '--delete --rename' 'touch a.c a.o b.o; mv a.c b.c; rm a.o b.c b.o'
transcript '--glob "*.o"' 'touch a.c a.o b.o; mv a.c b.c; rm a.o b.c b.o'
say <<'END'
The tables of other tools, which print just what those do. -F has full paths in
that of opensnoop:
END
transcript '--format opensnoop -e' 'cat missing a; echo one > a'
transcript '--format opensnoop -F -f O_WRONLY' 'cat missing a; echo one > a'
transcript '--format filelife' 'touch draft; sleep 0.2; mv draft letter; sleep 0.3; rm letter'
transcript '--format filegone' 'touch a; mv a b; rm b'
documents
say <<'END'
JSON has more: the name as it was given, flags by name, the inode, the executable:
END
transcript '--json' 'cd docs; echo one > ../new' 'jq -c "{op, path, name, flags, mode, exe, uid}"'
say <<'END'
Rules look for who encrypts files. Here 41 letters are replaced by others:
END
documents
transcript '--alert-only' 'for f in docs/*.txt; do openssl enc -aes-256-ctr -pbkdf2 -iter 1 -k x -in $f -out $f.enc && rm $f; done'
say <<'END'
An alarm is raised once for a rule and a process tree. A compressor does the same,
but for the suffix; that is no alarm:
END
documents
transcript '--alert-only' 'gzip docs/*.txt'
say <<'END'
Who writes a new file and renames it over the old one looks like an editor; --entropy
looks at what is written:
END
documents
transcript '--entropy --alert-only' 'for f in docs/*.txt; do openssl enc -aes-256-ctr -pbkdf2 -iter 1 -k x -in $f -out $f.new && mv $f.new $f; done'
documents
transcript '--entropy --glob "10*"' 'sed -i s/1/one/ docs/101.txt; gzip docs/102.txt; openssl enc -aes-256-ctr -pbkdf2 -k x -in docs/103.txt -out docs/103.new'
say <<'END'
--crypto tells what libraries of cryptography encrypt, and how much:
END
documents
transcript '--crypto' 'cat docs/*.txt | openssl enc -aes-256-ctr -pbkdf2 -k x -out all.enc' 'grep -e OP -e encrypt'
say <<'END'
A canary is a file that nobody should touch:
END
documents
transcript '--alert-only --canary docs/100.txt' 'cat docs/*.txt > /dev/null'
say <<'END'
What was recorded as JSON can be judged later, without privileges and with other
settings. The table of the founding detector, with the last events:
END
documents
"$filesnoop" --json --path "$dir" -- sh -c 'for f in docs/*.txt; do tr a-z n-za-m <$f >$f.rot; rm $f; done' >recorded 2>/dev/null
printf '\n# filesnoop --replay recorded --alert-only\n'
"$filesnoop" --replay recorded --alert-only 2>/dev/null
printf '\n# filesnoop --replay recorded --format classic --threshold O=20 | tail -n 4\n'
"$filesnoop" --replay recorded --format classic --threshold O=20 2>/dev/null | tail -n 4
printf '\n# filesnoop --replay recorded --features 60s | cut -d, -f 2-16 | head -n 3\n'
"$filesnoop" --replay recorded --features 60s 2>/dev/null | cut -d, -f 2-16 | head -n 3
printf '\n# filesnoop --replay recorded --format bodyfile | tail -n 3\n'
"$filesnoop" --replay recorded --format bodyfile 2>/dev/null | tail -n 3
printf '\nThe help text:\n\n'
"$filesnoop" --help
