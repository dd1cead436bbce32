// Package peer has the tests that run argdist beside bcc's argdist: the same specifiers,
// on the same process, at the same time, and every line of their tables must be the same.
package peer
