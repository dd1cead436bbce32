// Package accessor learns the layout of OpenSSL's structures from the code of the functions that OpenSSL exports to read
// them.
//
// The structures are private, and change between versions and between builds of one version. The functions are stable,
// and each is a few instructions: SSL_get_session is a load from offset 0x918 of its argument. So the functions are run,
// on an abstract machine that has nothing but registers, a stack, and an argument that points to a structure of which
// nothing is known but that it is there. What the function reads on its way to its result is the layout.
//
//	layout, err := accessor.Decode(libssl, size)
//
// Since 3.2 the first word of an SSL tells TLS connections from those of QUIC, and the functions look at it: on this
// machine it is 0, for TLS.
//
// The code is that of x86-64 and arm64. It belongs to others: a function that does anything unexpected has no result,
// and the machine stops after a few hundred instructions. Where functions are missing, [Known] has a table by versions,
// as a last resort. Either way what is read from a process is to be checked with [Check] before it is believed.
package accessor
