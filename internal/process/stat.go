package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// Stat is what /proc/PID/stat says of a process.
type Stat struct{ fields [][]byte }

// ReadStat reads it.
func ReadStat(pid uint32) (Stat, error) {
	b, err := os.ReadFile("/proc/" + strconv.FormatUint(uint64(pid), 10) + "/stat")
	if err != nil {
		return Stat{}, fmt.Errorf("read state of process %d: %w", pid, err)
	}
	return ParseStat(b), nil
}

// ParseStat takes the text of the file. The command's name stands in parentheses and may
// itself contain them, so the last one counts.
func ParseStat(text []byte) Stat {
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return Stat{}
	}
	return Stat{bytes.Fields(text[end+1:])}
}

// Field is the one of that number in proc_pid_stat(5), from 3 on; "" if there is none.
func (s Stat) Field(number int) string {
	const first = 3 // behind the name
	if i := number - first; i >= 0 && i < len(s.fields) {
		return string(s.fields[i])
	}
	return ""
}

// Number is a field that is one.
func (s Stat) Number(number int) (uint64, error) {
	return strconv.ParseUint(s.Field(number), 10, 64)
}

// Parent is the id of the process's parent.
func (s Stat) Parent() (pid uint32, err error) {
	n, err := strconv.ParseUint(s.Field(statParent), 10, 32)
	return uint32(n), err
}

// Fields of it.
const (
	StatState   = 3 // a letter; Z where the first thread has ended
	statParent  = 4
	StatStarted = 22 // ticks since boot
	StatCode    = 26 // where code begins; 0 for who may not trace it
	StatStack   = 28
)
