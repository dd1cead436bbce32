package process

import (
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestUserNames(t *testing.T) {
	u, err := readUsers("testdata/passwd")
	qt.Assert(t, qt.IsNil(err))
	for id, want := range map[uint32]string{
		0:          "root", // not toor, which comes later
		1:          "daemon",
		1000:       "alice",
		1001:       "alice", // two ids of one name
		1002:       "2000",
		1004:       "", // its line is too short
		65534:      "nobody",
		4294967294: "last", // no newline at the end
		4294967295: "",
		12345:      "",
	} {
		qt.Check(t, qt.Equals(u.Name(id), want), qt.Commentf("%d", id))
	}
}

func TestUserIDs(t *testing.T) {
	u, err := readUsers("testdata/passwd")
	qt.Assert(t, qt.IsNil(err))
	for user, want := range map[string]uint32{
		"root":       0,
		"toor":       0,
		"alice":      1000, // the first of two
		"2000":       1002, // a name comes before a number
		"1000":       1000,
		"12345":      12345, // needs no entry
		"0":          0,
		"4294967294": 4294967294,
	} {
		id, err := u.ID(user)
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s", user))
		qt.Check(t, qt.Equals(id, want), qt.Commentf("%s", user))
	}
	for _, user := range []string{"", "mallory", "negative", "text", "huge", "short", "broken", "+", "-1", "+1", "1.0", "0x0", "4294967295", "4294967296", "root "} {
		_, err := u.ID(user)
		qt.Check(t, qt.ErrorMatches(err, `unknown user ".*": want a name of /etc/passwd or a number from 0 to 4294967294`), qt.Commentf("%q", user))
	}
}

func TestNoPasswd(t *testing.T) {
	u, err := readUsers(filepath.Join(t.TempDir(), "passwd"))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(u.Name(0), ""))
	id, err := u.ID("7")
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(id, 7))

	_, err = readUsers("testdata/passwd/below") // not a directory
	qt.Check(t, qt.ErrorMatches(err, "read user names: .*"))
}
