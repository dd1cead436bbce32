//go:build !linux

package main

func main() { panic("init: runs only on Linux") }
