package main

import (
	"regexp"
	"strings"
)

var entry = regexp.MustCompile(`\$entry\(\s*(\w+)\s*\)`)

// shown is an expression as bcc prints it: of $entry(x) only x.
func shown(expr string) string { return entry.ReplaceAllString(expr, "$1") }

// oneLine is a specifier without the line breaks that it may have been written with.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\n\r\t") {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}
