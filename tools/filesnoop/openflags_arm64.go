package main

// largefile is O_LARGEFILE of the kernel, which the library of a 64-bit program
// has as 0.
const largefile = 0o400000
