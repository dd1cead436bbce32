//go:build amd64 || arm64

package main

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// What the kernel is asked to encrypt, and what else it is asked for by such sockets.
func init() {
	ways["alg-none"] = func() { _, err := unix.Socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0); fmt.Println(err) }
	ways["alg-encrypt"] = func() {
		op := operation("skcipher", "cbc(aes)", make([]byte, 16))
		send(op, 16*67, unix.MSG_MORE, control(unix.ALG_SET_OP, unix.ALG_OP_ENCRYPT), initial(16))
		n, err := unix.Write(op, make([]byte, 16*71))
		check(err)
		receive(op, 16*67+n)
		send(op, 16*73, 0) // in the direction that was set
		receive(op, 16*73)
		send(op, 16*256, 0, control(unix.ALG_SET_OP, unix.ALG_OP_DECRYPT), initial(16))
		receive(op, 16*256)
		check(unix.Close(op))
	}
	ways["alg-decrypt"] = func() {
		op := operation("skcipher", "cbc(aes)", make([]byte, 16))
		send(op, 4096, 0, control(unix.ALG_SET_OP, unix.ALG_OP_DECRYPT), initial(16))
		receive(op, 4096)
		send(op, 4096, 0, initial(16)) // as without a direction
		receive(op, 4096)
		check(unix.Close(op))
	}
	ways["alg-little"] = func() {
		op := operation("skcipher", "cbc(aes)", make([]byte, 16))
		send(op, 512, 0, control(unix.ALG_SET_OP, unix.ALG_OP_ENCRYPT), initial(16))
		receive(op, 512)
		check(unix.Close(op))
	}
	ways["alg-hash"] = func() {
		op := operation("hash", "sha256", nil)
		send(op, 4096, 0)
		receive(op, 32)
		check(unix.Close(op))
	}
	ways["alg-aead"] = func() { // and leaves the socket to its end
		const associated, text, tag = 32, 16 * 97, 32
		op := operation("aead", "authenc(hmac(sha256),cbc(aes))", authenticated(make([]byte, 32), make([]byte, 16)))
		send(op, associated+text, 0, control(unix.ALG_SET_OP, unix.ALG_OP_ENCRYPT), control(unix.ALG_SET_AEAD_ASSOCLEN, associated), initial(16))
		receive(op, associated+text+tag)
	}
}

// operation returns a socket that data goes through.
func operation(kind, name string, key []byte) int {
	fd, err := unix.Socket(unix.AF_ALG, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	check(err)
	check(unix.Bind(fd, &unix.SockaddrALG{Type: kind, Name: name}))
	if key != nil {
		check(unix.SetsockoptString(fd, unix.SOL_ALG, unix.ALG_SET_KEY, string(key)))
	}
	if kind == "aead" { // the length of the value is the length of the tag
		check(unix.SetsockoptString(fd, unix.SOL_ALG, unix.ALG_SET_AEAD_AUTHSIZE, string(make([]byte, 32))))
	}
	op, _, errno := unix.Syscall6(unix.SYS_ACCEPT4, uintptr(fd), 0, 0, unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		check(errno)
	}
	check(unix.Close(fd))
	return int(op)
}

// authenticated is a key of authenc(): both keys, behind the length of the second.
func authenticated(authKey, key []byte) []byte {
	const parameter, size = 1, 8 // CRYPTO_AUTHENC_KEYA_PARAM in a struct rtattr
	b := binary.NativeEndian.AppendUint16(nil, size)
	b = binary.NativeEndian.AppendUint16(b, parameter)
	b = binary.BigEndian.AppendUint32(b, uint32(len(key)))
	return append(append(b, authKey...), key...)
}

// control is a control message with a number.
func control(kind int32, value uint32) []byte {
	return message(kind, binary.NativeEndian.AppendUint32(nil, value))
}

// initial is one with an initialization vector.
func initial(size int) []byte {
	return message(unix.ALG_SET_IV, append(binary.NativeEndian.AppendUint32(nil, uint32(size)), make([]byte, size)...))
}

func message(kind int32, data []byte) []byte {
	b := binary.NativeEndian.AppendUint64(nil, uint64(unix.CmsgLen(len(data))))
	b = binary.NativeEndian.AppendUint32(b, unix.SOL_ALG)
	b = binary.NativeEndian.AppendUint32(b, uint32(kind))
	return append(append(b, data...), make([]byte, unix.CmsgSpace(len(data))-unix.CmsgLen(len(data)))...)
}

// send sends so many bytes with control messages.
func send(op, size, flags int, controls ...[]byte) {
	var all []byte
	for _, c := range controls {
		all = append(all, c...)
	}
	n, err := unix.SendmsgN(op, make([]byte, size), all, nil, flags)
	check(err)
	if n != size {
		fmt.Fprintln(os.Stderr, "workload: sent", n, "of", size)
		os.Exit(1)
	}
}

// receive takes so many bytes back.
func receive(op, size int) {
	b := make([]byte, size)
	for got := 0; got < size; {
		n, err := unix.Read(op, b[got:])
		check(err)
		got += n
	}
}
