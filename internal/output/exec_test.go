package output

// exec is an event such as execsnoop has, with every type of field: the subject of golden lines, allocation test and
// benchmarks.
type exec struct {
	time          int64
	pid, tid      uint32
	ppid, uid     uint32
	comm          []byte
	cgroupID      uint64
	containerID   string
	pcomm         []byte
	ret           int64
	error         string
	path          []byte
	args          [][]byte
	argc          uint32
	argsTruncated bool
	cwd           []byte
	tty           string
	latency       uint64
	entry         uint64
	setuid        bool
	caps          []string
	mntns         uint64
	hook          string
}

func execFields() []Field[exec] {
	return []Field[exec]{
		{Name: "time", Type: TypeTime, Doc: "When the call returned.", Get: func(e *exec) Value { return Time(e.time) }},
		{Name: "tool", Type: TypeText, Doc: "The command.", Get: func(*exec) Value { return Text("execsnoop") }},
		{Name: "type", Type: TypeText, Doc: "Always event.", Get: func(*exec) Value { return Text("event") }},
		{Name: "pid", Type: TypeUint, Doc: "Process ID.", Get: func(e *exec) Value { return Uint(uint64(e.pid)) }},
		{Name: "tid", Type: TypeUint, Doc: "Thread ID.", Get: func(e *exec) Value { return Uint(uint64(e.tid)) }},
		{Name: "ppid", Type: TypeUint, Doc: "Process ID of the parent.", Get: func(e *exec) Value { return Uint(uint64(e.ppid)) }},
		{Name: "uid", Type: TypeUint, Doc: "Real user ID.", Get: func(e *exec) Value { return Uint(uint64(e.uid)) }},
		{Name: "comm", Type: TypeBytes, Doc: "Name of the thread.", Get: func(e *exec) Value { return Bytes(e.comm) }},
		{Name: "cgroup_id", Type: TypeUint, Doc: "ID of the cgroup.", Get: func(e *exec) Value { return Uint(e.cgroupID) }},
		{Name: "container_id", Type: TypeText, Nullable: true, Doc: "ID of the container.", Get: func(e *exec) Value {
			if e.containerID == "" {
				return Null()
			}
			return Text(e.containerID)
		}},
		{Name: "pcomm", Type: TypeBytes, Doc: "Name of the parent.", Get: func(e *exec) Value { return Bytes(e.pcomm) }},
		{Name: "ret", Type: TypeInt, Doc: "What execve returned.", Get: func(e *exec) Value { return Int(e.ret) }},
		{Name: "error", Type: TypeText, Nullable: true, Enum: []string{"ENOENT", "EACCES"}, Doc: "Name of the errno.",
			Get: func(e *exec) Value {
				if e.error == "" {
					return Null()
				}
				return Text(e.error)
			}},
		{Name: "path", Type: TypeBytes, Doc: "The file.", Get: func(e *exec) Value { return Bytes(e.path) }},
		{Name: "args", Type: TypeList, Doc: "The arguments.", Get: func(e *exec) Value { return ByteList(e.args) }},
		{Name: "argc", Type: TypeUint, Doc: "How many arguments.", Get: func(e *exec) Value { return Uint(uint64(e.argc)) }},
		{Name: "args_truncated", Type: TypeBool, Doc: "Arguments are missing.", Get: func(e *exec) Value { return Bool(e.argsTruncated) }},
		{Name: "cwd", Type: TypeBytes, Doc: "Working directory.", Get: func(e *exec) Value { return Bytes(e.cwd) }},
		{Name: "tty", Type: TypeText, Doc: "Terminal.", Get: func(e *exec) Value { return Text(e.tty) }},
		{Name: "latency_ns", Type: TypeUint, Doc: "Time in the call.", Get: func(e *exec) Value { return Uint(e.latency) }},
		{Name: "entry", Type: TypeHex, Doc: "Entry point.", Get: func(e *exec) Value { return Hex(e.entry) }},
		{Name: "setuid", Type: TypeBool, Doc: "The file is set-user-ID.", Get: func(e *exec) Value { return Bool(e.setuid) }},
		{Name: "caps", Type: TypeTextList, Doc: "Capabilities gained.", Get: func(e *exec) Value { return TextList(e.caps) }},
		{Name: "mntns", Type: TypeUint, Doc: "Mount namespace.", Get: func(e *exec) Value { return Uint(e.mntns) }},
		{Name: "hook", Type: TypeText, Doc: "Where the event comes from.", Get: func(e *exec) Value { return Text(e.hook) }},
	}
}

func execColumns() []Column[exec] {
	return []Column[exec]{
		{Head: "TIME", Width: 8, Text: func(c *Cell, e *exec) { c.Clock(e.time) }},
		{Head: "PCOMM", Width: 16, Field: "comm"},
		{Head: "PID", Width: 7, Field: "pid"},
		{Head: "PPID", Width: 7, Field: "ppid"},
		{Head: "RET", Width: 3, Right: true, Field: "ret"},
		{Head: "ARGS", Field: "args"},
	}
}

func newExec() *exec {
	return &exec{
		time: 1767323045123456789, pid: 4242, tid: 4242, ppid: 4100, uid: 1000, comm: []byte("ls"),
		cgroupID: 7171, pcomm: []byte("bash"), path: []byte("/usr/bin/ls"),
		args: [][]byte{[]byte("ls"), []byte("--color=auto"), []byte("-l"), []byte("/var/lib/postgresql/data")}, argc: 4,
		cwd: []byte("/home/alice/src/project"), tty: "pts/3", latency: 183412, entry: 0x55d0c0ffee00,
		caps: []string{"CAP_NET_RAW"}, mntns: 4026531841, hook: "sched_process_exec",
	}
}
