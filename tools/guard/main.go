// Guard enforces policies in the kernel: who may use which files, programs, addresses,
// mounts and identities. It denies what they deny, and tells every time.
package main

import "github.com/ringside-tools/ringside/internal/command"

func main() { command.Main(newCommand()) }
