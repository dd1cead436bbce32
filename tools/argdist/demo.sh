# What argdist shows of a machine that reads and writes a little. In a small machine
# busybox has the programs.
work() {
	dd if=/dev/zero of=/dev/null bs=4096 count=1009 2>/dev/null
	dd if=/dev/zero of=/dev/null bs=100 count=503 2>/dev/null
	cat /proc/uptime /etc/passwd >/dev/null 2>&1
	ls / >/dev/null
}
show() { # FLAGS...
	echo
	echo "# argdist $*"
	argdist -q -n 1 -i 4 "$@" &
	tool=$!
	sleep 2
	work
	wait "$tool"
}
show -C 'p::vfs_write(file, buf, count):count' -T 3
show -H 'p::vfs_read(file, buf, count):$COMM,count:STRCMP("dd", $COMM)'
show --stats 'r::vfs_read():$COMM,$latency#ns in vfs_read' --json
show -C 't:syscalls:sys_enter_openat():char*:args->filename' -T 5
show -C 'p::vfs_read():char*:file->f_path.dentry->d_name.name' -T 5
echo
echo "# argdist --list 'vfs_*dir'"
argdist --list 'vfs_*dir'
echo
echo "# argdist -C 'p::vfs_read():file->f_path.dentri'"
argdist -C 'p::vfs_read():file->f_path.dentri' || true
