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
		e.frames = append(e.frames, k.Caller(binary.NativeEndian.Uint64(raw)))
	}
	e.kstack = e.appendFrames(e.kstack, withoutOurs(e.frames))
}

// withoutOurs returns the frames from the hook's function on. A kretprobe has
// left that one: there, the frames below our own.
func withoutOurs(frames []symbol.Frame) []symbol.Frame {
	for i := len(frames) - 1; i >= 0; i-- {
		if bytes.Equal(frames[i].Name, hookFunction) {
			return frames[i:]
		}
	}
	for len(frames) > 0 && ours(frames[0]) {
		frames = frames[1:]
	}
	return frames
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
	e.ustack = e.appendFrames(e.ustack, e.frames)
}

// appendFrames writes the frames one behind the other into e.text. What it
// returns is not nil: a stack that was missed is empty.
func (e *event) appendFrames(dst [][]byte, frames []symbol.Frame) [][]byte {
	if dst == nil {
		dst = [][]byte{}
	}
	for _, f := range frames {
		start := len(e.text)
		e.text = f.Append(e.text)
		dst = append(dst, e.text[start:len(e.text):len(e.text)])
	}
	return dst
}
