package policy

import (
	"testing"

	"github.com/go-quicktest/qt"
)

// TestNames: what is written is read as the same.
func TestNames(t *testing.T) {
	for _, w := range accesses {
		got, err := ParseAccess(w.value.String())
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(got, w.value))
	}
	all, err := ParseAccess(AccessAll.String())
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(all, AccessAll))
	qt.Check(t, qt.Equals((Read|Attr|Exec_|Load).String(), "read,attr,exec,load"))
	for _, w := range protos {
		got, err := ParseProto(w.value.String())
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(got, w.value))
	}
	for _, w := range mountOps {
		got, err := ParseMountOp(w.value.String())
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(got, w.value))
	}
	for _, w := range vias {
		got, err := ParseVia(w.value.String())
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(got, w.value))
	}
	for number := range uint16(maxFamily + 1) {
		got, err := ParseFamily(FamilyOf(number).String())
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(got, FamilyOf(number)))
	}
	for c := range Classes {
		qt.Check(t, qt.Equals(c.String(), blocks[c]))
	}
	qt.Check(t, qt.Equals(Classes.String(), "unknown"))
	qt.Check(t, qt.Equals(Deny.String()+Allow.String(), "denyallow"))
	qt.Check(t, qt.Equals(Enforce.String()+Audit.String(), "enforceaudit"))

	for _, s := range []string{"", "execute", "read,", "exec"} {
		_, err := ParseAccess(s)
		qt.Check(t, qt.ErrorMatches(err, `access is read, write, create, delete or attr, not ".*"`))
	}
	_, err = ParseVia("sudo")
	qt.Check(t, qt.ErrorMatches(err, `a way to another identity is setuid, .* or capset, not "sudo"`))
	_, err = ParseSocketType("SOCK_RAW")
	qt.Check(t, qt.IsNotNil(err))
	p, err := ParseUnix("@**")
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(p.String(), "@**"))
}
