// Bindsnoop traces who binds sockets and listens: which process has which port.
package main

import "github.com/ringside-tools/ringside/internal/command"

func main() { command.Main(newCommand()) }
