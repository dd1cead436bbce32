package vm

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
)

const keyring = "/usr/share/keyrings/of-the-machine.gpg"

func TestHostMirror(t *testing.T) {
	want := mirror{URI: "https://mirror.example/debian", Keyring: keyring}
	deb822 := "# a comment\nTypes: deb\nURIs: https://vendor.example/linux/debian\nSuites: bookworm\nComponents: stable\n\n" +
		"Types: deb deb-src\n# in between\nURIs: https://mirror.example/debian\nSuites: bookworm\n bookworm-updates\nComponents: main\nSigned-By: " + keyring + "\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  mirror
	}{
		"deb822": {map[string]string{"sources.list.d/debian.sources": deb822}, want},
		"one line": {map[string]string{"sources.list": "# deb https://old.example/debian x main\n" +
			"deb-src https://src.example/debian bookworm main\n" +
			"deb [arch=amd64 signed-by=" + keyring + "] https://mirror.example/debian bookworm main contrib # end\n"}, want},
		"no keyring": {map[string]string{"sources.list": "deb https://mirror.example/debian/ bookworm main\n"},
			mirror{"https://mirror.example/debian/", defaultKeyring}},
		"key in the stanza": {map[string]string{"sources.list.d/a.sources": "Types: deb\nURIs: https://mirror.example/debian\nSuites: a\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n AAAA\n"},
			mirror{"https://mirror.example/debian", defaultKeyring}},
		"vendors and security first": {map[string]string{
			"sources.list.d/a.list":    "deb https://vendor.example/apt stable main\ndeb https://vendor.example/linux/debian bookworm stable\n",
			"sources.list.d/b.sources": "Types: deb\nURIs: https://mirror.example/debian-security\nSuites: s\nComponents: main\n\n" + deb822,
		}, want},
		"disabled": {map[string]string{
			"sources.list.d/a.sources": "Enabled: no\nTypes: deb\nURIs: https://off.example/debian\nSuites: a\nComponents: main\n",
			"sources.list.d/b.sources": deb822,
		}, want},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("RINGSIDE_MIRROR", "")
			etc := t.TempDir()
			qt.Assert(t, qt.IsNil(os.Mkdir(filepath.Join(etc, "sources.list.d"), 0o755)))
			for f, text := range test.files {
				qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(etc, f), []byte(text), 0o644)))
			}
			got, err := hostMirror(etc)
			qt.Assert(t, qt.IsNil(err))
			qt.Assert(t, qt.Equals(got, test.want))
		})
	}
}

func TestHostMirrorNone(t *testing.T) {
	t.Setenv("RINGSIDE_MIRROR", "")
	_, err := hostMirror(t.TempDir())
	qt.Assert(t, qt.ErrorIs(err, errNoMirror))

	t.Setenv("RINGSIDE_MIRROR", "https://mirror.example/debian")
	m, err := hostMirror(t.TempDir())
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(m, mirror{"https://mirror.example/debian", defaultKeyring}))
}
