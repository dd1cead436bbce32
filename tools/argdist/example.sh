#!/bin/sh
# Writes argdist_example.txt: commentary, and transcripts of real runs. Every command
# line that is shown is run; nothing that it prints is edited.
#
# It runs in a machine that does little else, with a stock kernel that has kprobes:
#
#	go run ./internal/vm/vmrun exec -kernel 6.12 -packages bash,coreutils,libc6 \
#		-file bin/amd64/argdist:/usr/local/bin/argdist \
#		-file tools/argdist/example.sh:/example.sh -- bash /example.sh
set -eu
PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL

work() {
	dd if=/dev/zero of=/dev/null bs=4096 count=1009 2>/dev/null
	dd if=/dev/zero of=/dev/null bs=100 count=503 2>/dev/null
	dd if=/dev/zero of=/dev/null bs=1 count=10007 2>/dev/null
	cat /etc/passwd /proc/uptime >/dev/null
	ls / /nothing >/dev/null 2>&1 || true
}

# run shows a command line and what it prints of the same work.
run() {
	printf '# argdist'
	for word; do
		case $word in
		*[!A-Za-z0-9_.,/:-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	echo
	argdist -q "$@" 2>/tmp/err &
	tool=$!
	sleep "${start:-4}"
	work
	kill -INT "$tool"
	wait "$tool" || true
	cat /tmp/err
	echo
}

cat <<'END'
Demonstrations of argdist, the Linux eBPF version of Ringside.


argdist counts and measures what functions are given and what they return. The
work that is looked at here is always the same: dd writes blocks of three sizes,
and a few small files are read. How often each size was written:

END
run -i 60 -T 4 -C 'p::vfs_write(struct file *file, const char *buf, size_t count):size_t:count'
cat <<'END'
What is known of a function of the kernel can be left out. Its parameters have
the names of the kernel's sources, which --list shows:

END
echo "# argdist --list 'vfs_write*'"
argdist --list 'vfs_write*'
echo
run -i 60 -H 'p::vfs_write():count:$COMM=="dd"'
cat <<'END'
With a histogram, what stands before the last expression is the key: one for each
command. Here it is how long reads take, in microseconds; #us is the title.

END
run -i 60 -H 'r::vfs_read():$COMM,$latency/1000:STRCMP("dd",$COMM)||STRCMP("cat",$COMM)#us'
cat <<'END'
At the return of a function, $entry(x) is what a parameter was at the entry. Reads
that got less than they asked for, by what they asked for and got:

END
run -i 60 -T 5 -C 'r::vfs_read(file, buf, size_t count):size_t,long:$entry(count),$retval:$retval!=$entry(count)'
cat <<'END'
Expressions follow pointers. What they point to is known from the kernel itself:

END
run -i 60 -T 5 -C 'p::vfs_read():char*:file->f_path.dentry->d_name.name:$COMM!="argdist"'
cat <<'END'
A name that later kernels have changed is found, and told:

END
run -i 60 -T 3 -C 'p::__vfs_read(struct file *file, void *buf, size_t count):char*,size_t:file->f_path.dentry->d_iname,count:file->f_path.dentry->d_iname[0]!=0'
cat <<'END'
Tracepoints have fields, in args:

END
run -i 60 -T 5 -C 't:syscalls:sys_enter_openat():char*:args->filename:$COMM=="ls"'
cat <<'END'
Text that is not in memory yet cannot be read. Such an event is told as lost, and
never counted as something else.

Functions of libraries and programs, by the name of the library:

END
run -i 60 -C 'p:c:write(int fd, void *buf, size_t count):int,size_t:fd,count:$COMM=="dd"' -T 4
cat <<'END'
Number, sum, average, least and greatest value, for each command:

END
run -i 60 --stats 'r::vfs_write():$COMM,$retval'
cat <<'END'
A histogram in equal steps:

END
run -i 60 --linear 0,5000,1000 -H 'p::vfs_write():count'
cat <<'END'
Who calls a function:

END
run -i 60 -T 2 -C 'p::vfs_write():$KSTACK:count==4096'
cat <<'END'
JSON, for programs; an object for each key and interval:

END
run -i 60 --json -T 2 -C 'p::vfs_write():$COMM,count:count>1000'
run -i 60 --json -H 'p::vfs_write():count:$COMM=="dd"'
cat <<'END'
A mistake is shown where it is:

END
for spec in 'p::vfs_read():cuont' 'p::tcp_sendmsg():u16:sk->__sk_common.skc_dprt' 'p::vfs_read():u32:$COMM' 'r:c:malloc(size_t size):u64:$latency;ns'; do
	echo "# argdist -C '$spec'"
	argdist -C "$spec" 2>&1 || true
	echo
done
cat <<'END'
How a specifier is understood:

END
echo "# argdist --explain 'p::vfs_read():file->f_flags&O_NONBLOCK' | head -n 12"
argdist --explain 'p::vfs_read():file->f_flags&O_NONBLOCK' | head -n 12
cat <<'END'


USAGE message:

# argdist --help
END
argdist --help
