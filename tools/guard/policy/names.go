package policy

import (
	"fmt"
	"strings"
)

// parseWord returns the value of a word.
func parseWord[T any](s, what string, all []word[T]) (T, error) {
	for _, w := range all {
		if w.name == s {
			return w.value, nil
		}
	}
	var none T
	return none, fmt.Errorf("%s is %s, not %s", what, choices(names(all)), quote(s))
}

// parseSet returns the union of words with commas between them.
func parseSet[T ~uint8 | ~uint16](s, what string, all []word[T]) (set T, err error) {
	for part := range strings.SplitSeq(s, ",") {
		value, err := parseWord(part, what, all)
		if err != nil {
			return 0, err
		}
		set |= value
	}
	return set, nil
}

// ParseAccess reads kinds of access to files, as policies name them, with commas
// between them.
func ParseAccess(s string) (Access, error) { return parseSet(s, "access", accesses) }

// ParseProto reads the name of one transport protocol.
func ParseProto(s string) (Proto, error) { return parseWord(s, "a protocol", protos) }

// ParseMountOp reads the name of one operation on mounts.
func ParseMountOp(s string) (MountOp, error) { return parseWord(s, "an operation on mounts", mountOps) }

// ParseVia reads the name of one way to another identity.
func ParseVia(s string) (Via, error) { return parseWord(s, "a way to another identity", vias) }

// ParseFamily reads the name or the number of an address family.
func ParseFamily(s string) (Family, error) { return parseFamily(s) }

// FamilyOf returns the family of a number. It has no name if policies have none for it.
func FamilyOf(number uint16) Family { return Family{Name: familyNames[number], Number: number} }

// ParseSocketType reads the name of a type of sockets.
func ParseSocketType(s string) (string, error) { return parseWord(s, "a type of sockets", socketTypes) }

// ParseUnix reads a pattern of Unix sockets as it is written in a policy.
func ParseUnix(s string) (Pattern, error) { return parseUnix(s) }

// String returns the word of a policy for what is decided.
func (a Action) String() string { return spelled(a, actions) }

// String returns the word of a policy for the mode.
func (m Mode) String() string { return spelled(m, modes) }

// classNames are the words for classes: the keys of defaults and of blocks.
var classNames = [Classes]string{"file", "exec", "connect", "bind", "socket", "mount", "setuid"}

// String returns the word of a policy for the class.
func (c Class) String() string {
	if c < Classes {
		return classNames[c]
	}
	return "unknown"
}

// String returns the kinds of access with commas between them. Of an Exec block they
// are exec and load.
func (a Access) String() string {
	return spelledSet(a, append(accesses[:len(accesses):len(accesses)], word[Access]{"exec", Exec_}, word[Access]{"load", Load}))
}

// String returns the names of protocols with commas between them.
func (p Proto) String() string { return spelledSet(p, protos) }

// String returns the names of operations with commas between them.
func (o MountOp) String() string { return spelledSet(o, mountOps) }

// String returns the names of ways with commas between them.
func (v Via) String() string { return spelledSet(v, vias) }

func spelled[T comparable](value T, all []word[T]) string {
	for _, w := range all {
		if w.value == value {
			return w.name
		}
	}
	return "unknown"
}

func spelledSet[T ~uint8 | ~uint16](set T, all []word[T]) string {
	var s []string
	for _, w := range all {
		if set&w.value != 0 {
			s = append(s, w.name)
		}
	}
	return strings.Join(s, ",")
}
