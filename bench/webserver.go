package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// webServer is an nginx of one process that speaks TLS on loopback.
type webServer struct {
	*process
	port int
}

// requestLoad asks it, on one connection.
func (b *bench) requestLoad() load {
	l := namedLoad("request", 5)
	l.args = append(l.args, filepath.Join(b.dir, "port"))
	return l
}

// startWebServer starts it, unless it runs already, and keeps it until the end.
func (b *bench) startWebServer() error {
	if b.web != nil {
		return nil
	}
	web, err := b.newWebServer()
	b.web = web
	return err
}

func (b *bench) newWebServer() (*webServer, error) {
	if err := writeKeyPair(b.dir); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(b.dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, b.dir, port, strings.Repeat("x", 1023)), 0o600); err != nil {
		return nil, fmt.Errorf("configure nginx: %w", err)
	}
	ctx, cancel := context.WithCancel(b.ctx)
	p := &process{Cmd: exec.CommandContext(ctx, "/usr/sbin/nginx", "-c", conf, "-e", "stderr"), cancel: cancel}
	if p.stderr, err = os.CreateTemp(b.dir, "stderr-"); err != nil {
		cancel()
		return nil, fmt.Errorf("make a file for stderr: %w", err)
	}
	p.Stderr = p.stderr
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	if err := awaitPort(port, p); err != nil {
		p.kill()
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(b.dir, "port"), []byte(strconv.Itoa(port)), 0o600); err != nil {
		p.kill()
		return nil, fmt.Errorf("tell the port: %w", err)
	}
	return &webServer{p, port}, nil
}

const nginxConf = `daemon off;
master_process off;
pid %[1]s/nginx.pid;
events { worker_connections 256; }
http {
  access_log off;
  keepalive_requests 1000000000;
  server {
    listen 127.0.0.1:%[2]d ssl;
    ssl_certificate %[1]s/cert.pem;
    ssl_certificate_key %[1]s/key.pem;
    location / { default_type text/plain; return 200 "%[3]s\n"; }
  }
}
`

func awaitPort(port int, p *process) error {
	for range 1000 {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return c.Close()
		}
		if p.exited() {
			return p.whyEnded("")
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("nginx does not listen on port %d", port)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// writeKeyPair makes a certificate for a day that nobody will check.
func writeKeyPair(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	for _, f := range []struct {
		name, kind string
		data       []byte
	}{{"cert.pem", "CERTIFICATE", cert}, {"key.pem", "PRIVATE KEY", private}} {
		text := pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.data})
		if err := os.WriteFile(filepath.Join(dir, f.name), text, 0o600); err != nil {
			return fmt.Errorf("write a certificate: %w", err)
		}
	}
	return nil
}

// driveRequest asks for a page over a connection that stays open. The mark is in its name.
func driveRequest(args []string) (func() error, error) {
	port, err := os.ReadFile(args[1])
	if err != nil {
		return nil, fmt.Errorf("find the port of the web server: %w", err)
	}
	conn, err := tls.Dial("tcp", "127.0.0.1:"+string(port), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return nil, fmt.Errorf("connect to the web server: %w", err)
	}
	request := fmt.Appendf(nil, "GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n", args[0])
	buf := make([]byte, 16<<10)
	return func() error {
		if _, err := conn.Write(request); err != nil {
			return fmt.Errorf("ask: %w", err)
		}
		// The page ends with the one line feed that follows no carriage return.
		for last := byte(0); ; {
			n, err := conn.Read(buf)
			if err == io.EOF {
				return fmt.Errorf("ask: the server closed the connection")
			}
			if err != nil {
				return fmt.Errorf("ask: %w", err)
			}
			before := last
			if n > 1 {
				before = buf[n-2]
			}
			if last = buf[n-1]; last == '\n' && before != '\r' {
				return nil
			}
		}
	}, nil
}
