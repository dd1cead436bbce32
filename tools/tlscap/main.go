// Tlscap captures what is said inside TLS, on both sides of any process.
package main

import "github.com/ringside-tools/ringside/internal/command"

func main() { command.Main(newCommand()) }
