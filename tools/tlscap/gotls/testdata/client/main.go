// A program with crypto/tls in it, for tests that look at executables. It must build with Go 1.17.
package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
)

func main() {
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for _, url := range os.Args[1:] {
		resp, err := c.Get(url)
		fmt.Println(resp, err)
	}
}
