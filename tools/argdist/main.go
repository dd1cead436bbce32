// Argdist counts and measures arguments and results of functions, in the kernel.
package main

import "github.com/ringside-tools/ringside/internal/command"

func main() { command.Main(newCommand()) }
