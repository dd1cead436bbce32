//go:build !386

package main

import "fmt"

func socketcall(string) { fmt.Println("none") }
