// Filesnoop traces what is done to files: opened, created, changed, renamed, deleted.
package main

import "github.com/ringside-tools/ringside/internal/command"

func main() { command.Main(newCommand()) }
