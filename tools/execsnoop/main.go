// Execsnoop traces new processes: what was executed, with its real arguments,
// and what failed.
package main

import "github.com/ringside-tools/ringside/internal/command"

func main() { command.Main(newCommand()) }
