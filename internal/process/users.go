// Package process knows the world around a record's numbers: user names, the
// container behind a cgroup, the children of a process.
package process

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Users resolves user names from a passwd file.
type Users struct {
	names map[uint32]string
	ids   map[string]uint32
	gids  map[uint32]uint32 // primary group
}

// ReadUsers reads /etc/passwd once. Directory services are not asked: a name
// looked up over the network in the middle of an incident is worse than none.
func ReadUsers() (*Users, error) { return readUsers("/etc/passwd") }

func readUsers(path string) (*Users, error) {
	u := &Users{names: make(map[uint32]string), ids: make(map[string]uint32), gids: make(map[uint32]uint32)}
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return u, nil // a minimal container has none
	}
	if err != nil {
		return u, fmt.Errorf("read user names: %w", err)
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		fields := strings.SplitN(sc.Text(), ":", 5)
		if len(fields) < 4 {
			continue
		}
		id, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			continue
		}
		if _, dup := u.names[uint32(id)]; !dup { // the first entry wins, as in getpwuid
			u.names[uint32(id)] = fields[0]
			if gid, err := strconv.ParseUint(fields[3], 10, 32); err == nil {
				u.gids[uint32(id)] = uint32(gid)
			}
		}
		if _, dup := u.ids[fields[0]]; !dup {
			u.ids[fields[0]] = uint32(id)
		}
	}
	return u, nil
}

// Name returns the user's name, or "" where there is none.
func (u *Users) Name(id uint32) string { return u.names[id] }

// Group returns the user's primary group, or the group of the same number where
// there is no such user.
func (u *Users) Group(id uint32) uint32 {
	if gid, ok := u.gids[id]; ok {
		return gid
	}
	return id
}

// ID returns the number of a user given by name or number.
func (u *Users) ID(user string) (uint32, error) {
	if id, ok := u.ids[user]; ok {
		return id, nil
	}
	// 2^32-1 is the kernel's "no user".
	if id, err := strconv.ParseUint(user, 10, 32); err == nil && id != 1<<32-1 {
		return uint32(id), nil
	}
	return 0, fmt.Errorf("unknown user %q: want a name of /etc/passwd or a number from 0 to 4294967294", user)
}
