package library

import (
	"bytes"
	"testing"
)

func TestFirstVersion(t *testing.T) {
	for _, test := range []struct{ data, want string }{
		{"", ""},
		{"no such thing, OpenSSL", ""},
		{"OpenSSL error, OpenSSL 3.0.19 1 Oct 2025\x00", "OpenSSL 3.0.19"},
		{"\x00OpenSSL 1.1.1w-fips+1", "OpenSSL 1.1.1w-fips+1"},
		{"myOpenSSL 1.1.1 but OpenSSL 3.5.1", "OpenSSL 3.5.1"},
		{"LibreSSL 4.0.0", "LibreSSL 4.0.0"},
		{"compiled with BoringSSL, not OpenSSL 1.1.1", "BoringSSL"},
		{"OpenSSL 1.1.1, and BoringSSL", "OpenSSL 1.1.1"},
		{"Version: NSS 3.87.1 Basic ECC", "NSS 3.87.1"},
		{"NSS 3.112\x00", "NSS 3.112"},
		{"Enhanced GnuTLS 3.7.9", "GnuTLS 3.7.9"},
		{"/registry/rustls-0.23.35/src/conn.rs", "rustls-0.23.35"},
		{"rustls-", ""},
		{"OpenSSL 3.0.", ""},
		{"rustls-0.23.1 before OpenSSL 3.0.1", "rustls-0.23.1"},
	} {
		if got := firstVersion([]byte(test.data)); got != test.want {
			t.Errorf("firstVersion(%q) is %q, want %q", test.data, got, test.want)
		}
	}
}

func BenchmarkFirstVersion(b *testing.B) {
	data := bytes.Repeat([]byte("constants of a library: OpenSSL errors, NSS words, rust "), 40_000)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if v := firstVersion(data); v != "" {
			b.Fatal(v)
		}
	}
}
