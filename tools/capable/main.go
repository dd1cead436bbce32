// Capable traces the capabilities that the kernel checks: who asks for which,
// and whether it is granted; and tells what is the least that a program needs.
package main

import "github.com/ringside-tools/ringside/internal/command"

func main() { command.Main(newCommand()) }
