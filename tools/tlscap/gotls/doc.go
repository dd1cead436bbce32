// Package gotls finds what to probe in a Go program that uses crypto/tls: where its functions begin and return, how
// arguments are passed, and where a connection keeps its file descriptor.
//
//	p, err := gotls.Inspect(file, size)
//	p.Functions[gotls.Write].Offset   // a uprobe at the entry
//	p.Functions[gotls.Read].Returns   // a uprobe at each RET
//
// A Go function never gets a return probe: the runtime moves stacks, and finds frames by their return addresses, which
// such a probe replaces. Instead there is a plain probe at every instruction that returns. What a function was called
// with is not to be found there any more; it is noted at the entry, by goroutine, whose descriptor is in a register
// ([Program.Registers]).
//
// Programs are found by the build information that the linker leaves in them, also in stripped ones. Functions are found
// by internal/symbol, in the symbols or else in the table that Go prints stacks with. All of it belongs to others:
// everything is bounded, and an address is taken only if the code there looks like the beginning of a Go function.
package gotls
