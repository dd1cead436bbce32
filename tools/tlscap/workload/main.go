// Workload speaks TLS with itself, by Go's own crypto/tls, for the tests of tlscap:
//
//	tlscap-workload CERT KEY KEYLOG CONNECTIONS REQUESTS SIZE [away]
//
// Line I of a body is I in fifteen digits. With "away" the bodies that are written are in a
// file that is mapped, and its pages are taken from the process again and again. KEYLOG is where crypto/tls logs its secrets. It
// waits for a line on stdin when all connections are open.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) < 7 || len(os.Args) > 8 || len(os.Args) == 8 && os.Args[7] != "away" {
		fmt.Fprintln(os.Stderr, "usage: tlscap-workload CERT KEY KEYLOG CONNECTIONS REQUESTS SIZE [away]")
		os.Exit(2)
	}
	if err := exchange(number(4), number(5), number(6)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(arg int) int {
	n, err := strconv.Atoi(os.Args[arg])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return n
}

func body(size int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "%015d\n", i)
	}
	return b.Bytes()[:size]
}

// mapped is the body in a file, from whose pages the process is parted all the time.
func mapped(size int) ([]byte, error) {
	f, err := os.CreateTemp("", "body-")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	defer os.Remove(f.Name())
	if _, err := f.Write(body(size)); err != nil {
		return nil, err
	}
	b, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	go func() {
		for unix.Madvise(b, unix.MADV_DONTNEED) == nil {
			time.Sleep(2 * time.Millisecond)
		}
	}()
	return b, nil
}

func exchange(connections, requests, size int) error {
	text := body(size)
	if len(os.Args) == 8 {
		var err error
		if text, err = mapped(size); err != nil {
			return err
		}
	}
	cert, err := tls.LoadX509KeyPair(os.Args[1], os.Args[2])
	if err != nil {
		return err
	}
	log, err := os.OpenFile(os.Args[3], os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, KeyLogWriter: log})
	if err != nil {
		return err
	}
	var wait sync.WaitGroup
	ready, begin := make(chan bool, connections), make(chan bool)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { answer(c.(*tls.Conn), ready, begin, requests, text) })
		}
	}()
	var ends []net.Conn
	for range connections {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, KeyLogWriter: log})
		if err != nil {
			return err
		}
		ends = append(ends, c)
		<-ready
	}
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\n')
	close(begin) // a read that began before would not be seen
	for _, c := range ends {
		wait.Go(func() {
			defer c.Close()
			for range requests {
				say(c, text)
				hear(c, size)
			}
		})
	}
	wait.Wait()
	return nil
}

func answer(c *tls.Conn, ready chan<- bool, begin <-chan bool, requests int, text []byte) {
	if err := c.Handshake(); err != nil {
		panic(err)
	}
	ready <- true
	<-begin
	for range requests {
		hear(c, len(text))
		say(c, text)
	}
}

func say(c net.Conn, text []byte) {
	if _, err := c.Write(text); err != nil {
		panic(err)
	}
}

func hear(c net.Conn, size int) {
	got := make([]byte, size)
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, body(size)) {
		panic(fmt.Sprint("another body: ", err))
	}
}
