// Tcpconnect traces TCP connections that are opened: who connects, to where,
// and what becomes of it.
package main

import "github.com/ringside-tools/ringside/internal/command"

func main() { command.Main(newCommand()) }
