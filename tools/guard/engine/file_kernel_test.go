//go:build kernel

package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Dir(path), 0o755)))
	qt.Assert(t, qt.IsNil(os.WriteFile(path, []byte(text), 0o644)))
	return path
}

func TestDenyRead(t *testing.T) {
	dir := t.TempDir()
	secret, other := write(t, dir+"/secret", "s"), write(t, dir+"/other", "o")
	f := start(t, enforce(`
rules:
  - {id: secret, subject: all, file: {paths: [`+secret+`], access: read}, action: deny, message: "no"}
`))
	qt.Check(t, qt.Equals(do(t, "open", secret, "r"), "open: EPERM"))
	a := f.alert()
	qt.Check(t, qt.Equals(a.Rule, "secret"))
	qt.Check(t, qt.Equals(a.Policy, "test"))
	qt.Check(t, qt.Equals(a.Message, "no"))
	qt.Check(t, qt.Equals(a.Object.Path, secret))
	qt.Check(t, qt.Equals(a.Hook, FileOpen))
	qt.Check(t, qt.Equals(a.Denied, true))
	t.Logf("%+v", a)
	qt.Check(t, qt.Equals(do(t, "open", other, "r", "--", "open", secret, "w"), "open: ok\nopen: ok"))
	f.silent()
}
