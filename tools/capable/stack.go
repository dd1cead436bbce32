package main

import (
	"bytes"
	"encoding/binary"

	"github.com/ringside-tools/ringside/internal/symbol"
)

// hookFunction is the function that all stacks end in; what is above it are
// our own programs.
var hookFunction = []byte("cap_capable")

// kernelStack names the functions of a stack of addresses.
func (e *event) kernelStack(k *symbol.Kernel, raw []byte) {
	e.frames = e.frames[:0]
	for ; len(raw) >= 8; raw = raw[8:] {
		f := k.Caller(binary.NativeEndian.Uint64(raw))
		if bytes.Equal(f.Name, hookFunction) {
			e.frames = e.frames[:0] // what came before it
		}
		e.frames = append(e.frames, f)
	}
	for len(e.frames) > 0 && ours(e.frames[0]) { // a kretprobe has left the function
		e.frames = e.frames[1:]
	}
	e.kstack = e.appendFrames(e.kstack)
}

// ours tells frames of BPF programs and of the trampoline that runs them.
func ours(f symbol.Frame) bool {
	return f.Name == nil || bytes.HasPrefix(f.Name, []byte("bpf_")) || bytes.HasPrefix(f.Name, []byte("__bpf_")) ||
		bytes.Contains(f.Name, []byte("kretprobe")) || bytes.Contains(f.Name, []byte("rethook"))
}

// userStack names the functions of a stack of build ids.
func (e *event) userStack(u *symbol.Users, raw []byte, exe string) {
	e.users = symbol.DecodeUserFrames(e.users[:0], raw)
	e.frames = u.Frames(e.frames[:0], e.Head.PID, exe, e.users)
	e.ustack = e.appendFrames(e.ustack)
}

// appendFrames writes the frames one behind the other into e.text.
func (e *event) appendFrames(dst [][]byte) [][]byte {
	for _, f := range e.frames {
		start := len(e.text)
		e.text = f.Append(e.text)
		dst = append(dst, e.text[start:len(e.text):len(e.text)])
	}
	return dst
}
