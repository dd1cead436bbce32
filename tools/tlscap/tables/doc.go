// Package tables finds functions of TLS that a library does not export, but hands out in a table of methods: a structure of
// pointers in an order that does not change. Such tables are looked for by their shape, and nothing asks for a version.
//
//	nss, err := tables.FindNSS(libssl3, size)
//	bio, err := tables.FindBIO(libssl, size)
//
// NSS (libssl3.so) exports none of the functions that carry what is said: a socket with TLS is a layer of NSPR, whose
// PR_Read and PR_Write call through PRIOMethods of prio.h. Three names pin that table down: its first word says that it is
// of a layer, two of the methods are NSPR's own PR_EmulateAcceptRead and PR_EmulateSendFile, and all between are code.
//
// OpenSSL exports SSL_read and SSL_write, but the BIO that does TLS (BIO_f_ssl) comes by neither: its methods call what
// these call as well. The function BIO_f_ssl returns their table, a BIO_METHOD, which names its kind; and that the methods
// call something that SSL_read and SSL_write call, and not these, is looked at in their code.
//
// Where a compiler left a table as the source has it, it stands among the data. Some write its pointers one by one, or in
// pairs, into the table that is used. So functions can be run, without following any jump, for what they have stored at
// the end. A library in which not exactly one such table is found is refused.
//
// The code is that of x86-64 and arm64. It belongs to others, and is not trusted.
package tables
