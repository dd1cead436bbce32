package vm

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// defaultKeyring holds the keys of all current Debian releases.
const defaultKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// mirror is where this machine gets Debian from.
type mirror struct {
	URI     string
	Keyring string
}

// errNoMirror comes with its remedy.
var errNoMirror = errors.New("no Debian mirror in the apt sources of this machine:" +
	" set RINGSIDE_MIRROR to the URI of one (it ends in /debian)")

// hostMirror takes the mirror from the machine's own apt configuration below
// etc (normally /etc/apt), or from RINGSIDE_MIRROR.
func hostMirror(etc string) (mirror, error) {
	if uri := os.Getenv("RINGSIDE_MIRROR"); uri != "" {
		return mirror{URI: uri, Keyring: defaultKeyring}, nil
	}
	files := []string{filepath.Join(etc, "sources.list")}
	for _, pattern := range []string{"*.list", "*.sources"} {
		more, err := filepath.Glob(filepath.Join(etc, "sources.list.d", pattern))
		if err != nil {
			return mirror{}, fmt.Errorf("list apt sources: %w", err)
		}
		files = append(files, more...)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return mirror{}, fmt.Errorf("read apt sources: %w", err)
		}
		parse := parseOneLine
		if filepath.Ext(name) == ".sources" {
			parse = parseDeb822
		}
		if m, ok := parse(text); ok {
			if !filepath.IsAbs(m.Keyring) { // absent, a fingerprint, or the key itself
				m.Keyring = defaultKeyring
			}
			return m, nil
		}
	}
	return mirror{}, errNoMirror
}

// parseOneLine reads sources.list(5)'s one-line style:
// "deb [option=value ...] uri suite component...".
func parseOneLine(text []byte) (mirror, bool) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "deb" {
			continue
		}
		f = f[1:]
		var m mirror
		if len(f) > 0 && strings.HasPrefix(f[0], "[") {
			for len(f) > 0 {
				opt := f[0]
				f = f[1:]
				last := strings.HasSuffix(opt, "]")
				if v, ok := strings.CutPrefix(strings.Trim(opt, "[]"), "signed-by="); ok {
					m.Keyring = v
				}
				if last {
					break
				}
			}
		}
		if len(f) >= 3 && isDebian(f[0], f[2:]) {
			m.URI = f[0]
			return m, true
		}
	}
	return mirror{}, false
}

// parseDeb822 reads sources.list(5)'s deb822 style: stanzas of fields, where
// an indented line continues the field above.
func parseDeb822(text []byte) (mirror, bool) {
	var field string
	stanza := map[string][]string{}
	take := func() (mirror, bool) {
		s := stanza
		stanza, field = map[string][]string{}, ""
		if slices.Equal(s["enabled"], []string{"no"}) || !slices.Contains(s["types"], "deb") {
			return mirror{}, false
		}
		for _, uri := range s["uris"] {
			if isDebian(uri, s["components"]) {
				m := mirror{URI: uri}
				if k := s["signed-by"]; len(k) == 1 {
					m.Keyring = k[0]
				}
				return m, true
			}
		}
		return mirror{}, false
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			if m, ok := take(); ok {
				return m, true
			}
		case line[0] == ' ' || line[0] == '\t':
			stanza[field] = append(stanza[field], strings.Fields(line)...)
		default:
			name, value, _ := strings.Cut(line, ":")
			field = strings.ToLower(name)
			stanza[field] = append(stanza[field], strings.Fields(value)...)
		}
	}
	return take()
}

// isDebian tells the archive itself from vendors' repositories, some of which
// also end in /debian but have components of their own.
func isDebian(uri string, components []string) bool {
	u, err := url.Parse(uri)
	if err != nil {
		return false
	}
	return strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/debian") && slices.Contains(components, "main")
}
