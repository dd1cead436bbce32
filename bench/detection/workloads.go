package main

// kind says what is to come of a workload.
type kind string

const (
	attack    kind = "attack"    // an alarm
	benign    kind = "benign"    // none
	alike     kind = "alike"     // harmless, with the calls of an attack: an alarm
	contents  kind = "contents"  // an attack with the calls of a harmless program: an alarm with --entropy only
	unnoticed kind = "unnoticed" // an attack that no rule finds
)

// workload is a shell script that does something to the documents in $D, or to what
// it has prepared in $W, the directory that it runs in.
type workload struct {
	name string
	kind kind
	what string
	prep string // before tracing begins
	run  string
}

// ours is a way of filesnoop's own workload (tools/filesnoop/workload).
func ours(way string) string { return `exec filesnoop-workload "$D" ` + way }

const (
	documents = `find "$D" -type f -print0 | `
	openssl   = `openssl enc -aes-256-ctr -pbkdf2 -iter 1 -k x `
)

// workloads are those of the table, in its order. Those whose names have A and B are
// the founding set, by which the rules were made; X and Y came later, and the rules
// were not changed for them.
var workloads = []workload{
	{"A1", attack, "read, write X.aes, delete X", "", ours("attack-replace")},
	{"A2", attack, "encrypt in place, rename to X.locked, a note in each directory", "", ours("attack-rename-after")},
	{"A3", attack, "encrypt in place", "", ours("attack-in-place")},
	{"A4", attack, "rename to X.locked, then encrypt in place", "", ours("attack-rename-before")},
	{"A5", contents, "write X.tmp, rename it over X", "", ours("attack-temporary")},
	{"A6", contents, "open with O_TRUNC, and write anew", "", ours("attack-truncate")},
	{"A7", attack, "encrypt through a shared mapping", "", ours("attack-map")},
	{"A8", attack, "a shell loop of `openssl enc` and `rm`", "", `find "$D" -type f | while read -r f; do ` + openssl + `-in "$f" -out "$f.enc" && rm "$f"; done`},
	{"A9", attack, "the same by `xargs -P8`", "", documents + `xargs -0 -P8 -I{} sh -c '` + openssl + `-in {} -out {}.enc && rm {}'`},
	{"A10", attack, "a shell loop of `gpg -c` and `shred -u`", `mkdir -m 700 gnupg`,
		`export GNUPGHOME=$W/gnupg; find "$D" -type f | while read -r f; do gpg --batch --yes --pinentry-mode loopback --passphrase x -c "$f" && shred -u "$f"; done; gpgconf --kill all`},
	{"A11", attack, "`ccrypt -e -r`", "", `ccrypt -e -r -f -K x "$D"`},
	{"A12", attack, "`7zz a -p -sdel`: an archive in place of the files", "", `$(command -v 7zz || command -v 7z || echo /usr/lib/7zip/7zz) a -bd -px -sdel "$D.7z" "$D" >/dev/null`},
	{"A13", attack, "`zip -rm -P`: the same", "", `cd "$D" && zip -q -rm -P x ../c.zip .`},
	{"A14", attack, "a simulator: make files, write X.enc, delete X, a note", "", ours("attack-staged")},

	{"B1", benign, "`tar czf`", "", `tar czf x.tgz "$D"`},
	{"B2", benign, "`gzip -r`", "", `gzip -r "$D"`},
	{"B3", benign, "`bzip2` of every file", "", documents + `xargs -0 bzip2`},
	{"B4", benign, "`xz` of every file", "", documents + `xargs -0 xz -1`},
	{"B5", benign, "`zstd --rm` of every file", "", documents + `xargs -0 zstd -q --rm`},
	{"B6", benign, "`git` init, add, commit, rm, checkout, gc", "",
		`cd "$D" && git init -q && git add . && git -c user.name=a -c user.email=a@b commit -qm x && git rm -rqf . && git checkout -q HEAD -- . && git gc -q`},
	{"B7", benign, "`rsync -a`", "", `rsync -a "$D/" copy/`},
	{"B8", benign, "`rsync --remove-source-files`", "", `rsync -a --remove-source-files "$D/" copy/`},
	{"B9", benign, "`logrotate`, twice, compressing 60 logs", `mkdir logs; for i in $(seq 60); do cp "$D"/d0/doc0.* logs/$i.log; done
printf '%s/logs/*.log {\nrotate 5\ncompress\n}\n' "$W" >conf; chmod 644 conf`, `logrotate -f -s state conf; for i in $(seq 60); do echo line >logs/$i.log; done; logrotate -f -s state conf`},
	{"B10", benign, "`sed -i` of every file", "", documents + `xargs -0 sed -i s/the/THE/`},
	{"B11", benign, "`make -j2`, each object changed in place after it was made", `mkdir src; for i in $(seq 30); do echo "int f$i(void) { return $i; }" >src/$i.c; done
printf 'all: $(patsubst %%.c,%%.o,$(wildcard *.c))\n%%.o: %%.c\n\tgcc -g -c $< -o $@\n\tobjcopy --strip-debug $@\n' >src/Makefile`, `make -s -j2 -C src`},
	{"B12", benign, "`python3 -m compileall`", `mkdir lib; cp -r /usr/lib/python3*/json /usr/lib/python3*/email /usr/lib/python3*/html lib/; find lib -name __pycache__ -exec rm -r {} +`, `python3 -m compileall -q lib`},
	{"B13", benign, "`grep -r`", "", `grep -rl foo "$D" /usr/share/perl | wc -l`},
	{"B14", benign, "`cp -a`, `rm -rf`", "", `cp -a "$D" copy; rm -rf copy`},
	{"B15", benign, "30 times `gcc -c`, `ar`", `for i in $(seq 30); do echo "int f$i(void) { return $i; }" >$i.c; done`, `for i in $(seq 30); do gcc -c $i.c; done; ar rc x.a *.o`},
	{"B16", benign, "`go build` of some packages, with an empty cache", "",
		`GOPATH=$W/go GOCACHE=$W/cache GOFLAGS= GO111MODULE=off CGO_ENABLED=0 go build unicode unicode/utf8 unicode/utf16 math/bits container/list container/ring`},
	{"B17", benign, "`dpkg -x`", deb, `dpkg -x x.deb out`},
	{"B18", benign, "`dpkg -i`", deb, `dpkg --root="$W/R" --force-all -i x.deb >/dev/null 2>&1`},
	{"B19", benign, "a loop of 120 times `mv f f.bak`", "", `find "$D" -type f | head -n 120 | while read -r f; do mv "$f" "$f.bak"; done`},
	{"B20", benign, "`tar` and untar", "", `tar cf x.tar -C "$D" . && mkdir out && tar xf x.tar -C out`},
	{"B21", benign, "`find -delete`", "", `find "$D" -delete`},
	{"B22", benign, "`python3 -m venv`, pip unpacked into it and compiled", "",
		`python3 -m venv --without-pip venv && python3 -m zipfile -e /usr/share/python-wheels/pip-*.whl venv/lib/python3*/site-packages && python3 -m compileall -q venv`},
	{"B23", benign, "`sort` with temporary files", `for i in $(seq 3); do cat "$D"/*/*.txt "$D"/*/*.csv; done >big`, `LC_ALL=C sort -R -S 2M -T "$D" big | wc -l`},
	{"B24", benign, "`zip`, `unzip`", "", `zip -q -r x.zip D && mkdir out && unzip -q x.zip -d out`},
	{"B25", benign, "save every file as an editor does", "", ours("save")},
	{"B26", benign, "`sqlite3`, 200 inserts", "", `(echo 'create table t(a);'; for i in $(seq 200); do echo "insert into t values($i);"; done) | sqlite3 x.db`},

	{"X1", attack, "write X with another ending, delete X", "", ours("attack-other-ending")},
	{"X2", attack, "write a random name, delete X", "", ours("attack-random-names")},
	{"X3", attack, "encrypt the first KiB in place", "", ours("attack-beginning")},
	{"X4", attack, "eight threads, in place and renamed", "", ours("attack-threads")},
	{"X5", attack, "a process for each file, eight at a time", "", ours("attack-processes")},
	{"X6", attack, "a note in every directory", "", ours("attack-note-only")},
	{"X7", contents, "write X.gz that is none, delete X", "", ours("attack-like-gzip")},
	{"X8", contents, "read X, delete it, write it anew", "", ours("attack-remove-rewrite")},
	{"X9", unnoticed, "write X.tmp in base64, rename it over X", "", ours("attack-base64")},
	{"X10", unnoticed, "`tar | openssl enc`, then `rm -rf`", "", `tar cf - "$D" | ` + openssl + `-out x.enc && rm -rf "$D"`},
	{"X11", attack, "`ls | while` with names made by the shell", "", `for f in "$D"/*/*; do n="$f"-encrypted; ` + openssl + `-in "$f" -out "$n"; rm -f "$f"; done`},

	{"Y1", benign, "`cp -r` over files that are there", `cp -r "$D" copy`, `cp -r "$D/." copy/`},
	{"Y2", benign, "a line more in every file", "", ours("append")},
	{"Y3", benign, "write every file anew, as text", "", ours("save-in-place")},
	{"Y4", benign, "`restic backup`", `export RESTIC_PASSWORD=x; restic -q init -r repo`, `export RESTIC_PASSWORD=x; restic -q backup -r repo "$D"`},
	{"Y5", benign, "`git checkout` of another branch, twice", `cd "$D" && git init -q && git add . && git -c user.name=a -c user.email=a@b commit -qm x && git checkout -qb other && find . -name '*.txt' -exec sed -i s/the/THE/ {} + && git -c user.name=a -c user.email=a@b commit -qam y`,
		`cd "$D" && git checkout -q - && git checkout -q -`},
	{"Y6", benign, "`gzip -r`, then `gunzip -r`", "", `gzip -r "$D" && gunzip -r "$D"`},
	{"Y7", benign, "`touch`, `chmod`, `chown` of every file", "", documents + `xargs -0 sh -c 'touch "$@"; chmod 600 "$@"; chown 1:1 "$@"' sh`},
	{"Y8", benign, "`lz4 --rm` of every file", "", documents + `xargs -0 lz4 -q --rm -m`},
	{"Y9", benign, "`mv` of everything to another file system", "", `mkdir -p "/dev/shm/moved.$$" && mv "$D" "/dev/shm/moved.$$/" && rm -r "/dev/shm/moved.$$"`},
	{"Y10", benign, "`rsync --inplace` to files that are there, which have changed", `cp -r "$D" copy; ` + documents + `xargs -0 sed -i s/the/THE/`, `rsync -r --inplace --checksum "$D/" copy/`},

	{"Z1", alike, "`zip -rm` without a password", "", `cd "$D" && zip -q -rm ../c.zip .`},
	{"Z2", alike, "`tar --remove-files`", "", `tar czf x.tgz --remove-files "$D"`},
}

// deb makes a package of the documents, and an empty system to install it in.
const deb = `mkdir -p pkg/DEBIAN pkg/usr/share R/var/lib/dpkg/info R/var/lib/dpkg/updates; cp -r "$D" pkg/usr/share/x; touch R/var/lib/dpkg/status
printf 'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: x\n' >pkg/DEBIAN/control; dpkg-deb -b pkg x.deb >/dev/null`

// packages are those that the scripts take.
var packages = []string{
	"openssl", "gnupg", "ccrypt", "7zip", "zip", "unzip", "xz-utils", "bzip2", "zstd", "lz4", "rsync", "sqlite3", "git", "logrotate",
	"golang-go", "gcc", "libc6-dev", "make", "python3", "python3-venv", "bash", "coreutils", "findutils", "grep", "sed", "gzip", "tar",
	"dash", "dpkg", "binutils", "diffutils", "restic",
}
