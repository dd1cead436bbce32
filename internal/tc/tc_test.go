package tc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"testing"
	"unsafe"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/preflight"
)

// message is one of netlink, padded.
func message(kind uint16, body []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(append(b, make([]byte, 10)...), body...)
	return append(b, make([]byte, -len(b)&3)...)
}

// listed is a filter as the kernel lists it.
func listed(f filter) []byte {
	b := append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&f.tcMsg)), tcMsgSize)...)
	b = attribute(b, attrKind, text(f.kind))
	return attribute(b, attrOptions|unix.NLA_F_NESTED, attribute(attribute(nil, bpfFlags, number(1)), bpfName, text(f.name)))
}

func TestAnswers(t *testing.T) {
	one := filter{tcMsg: tcMsg{Index: 7, Handle: 3, Info: 49152<<16 | 0x300}, kind: "bpf", name: "cil_from_netdev"}
	two := filter{tcMsg: tcMsg{Index: 7, Info: 2 << 16}, kind: "u32", name: ""}
	var got []filter
	each := func(b []byte) error {
		f, err := parseFilter(b)
		got = append(got, f)
		return err
	}
	done, err := answers(append(message(unix.RTM_NEWTFILTER, listed(one)), message(unix.RTM_NEWTFILTER, listed(two))...), each)
	qt.Check(t, qt.IsFalse(done))
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(got, 2))
	qt.Check(t, qt.Equals(got[0], one))
	qt.Check(t, qt.Equals(got[1], two))
	qt.Check(t, qt.Equals(got[0].priority(), 49152))

	done, err = answers(message(unix.NLMSG_DONE, number(0)), each)
	qt.Check(t, qt.IsTrue(done && err == nil))
	gone := int32(-int(unix.ENOENT))
	done, err = answers(message(unix.NLMSG_ERROR, number(uint32(gone))), each)
	qt.Check(t, qt.IsTrue(done))
	qt.Check(t, qt.ErrorIs(err, error(unix.ENOENT)))
	whole := message(unix.RTM_NEWTFILTER, listed(one))
	for n := 1; n < len(whole); n++ { // cut anywhere
		_, err := answers(whole[:n], each)
		qt.Check(t, qt.ErrorIs(err, errShort))
	}
}

// TestStale: a filter is taken away if it is of our kind and of a process that is gone, and no other.
func TestStale(t *testing.T) {
	if !preflight.InInitPIDNamespace() {
		t.Skip("in a pid namespace of its own nothing is stale")
	}
	c := NewClsact("tlscap")
	self, start := os.Getpid(), began(os.Getpid())
	qt.Assert(t, qt.IsTrue(start != ""))
	qt.Check(t, qt.Equals(c.owner, fmt.Sprintf("tlscap:%d:%s", self, start)))
	for name, want := range map[string]bool{
		c.owner:                          false,
		fmt.Sprintf("tlscap:%d:1", self): true, // another process had the number
		"tlscap:4194304:55":              true, // no process has
		"tlscap:?":                       false,
		"tlscap:0:1":                     false,
		"tlscap:-1:1":                    false,
		"tlscap":                         false,
		"tlscapes:4194304:55":            false,
		"cil_from_netdev":                false,
		"":                               false,
	} {
		qt.Check(t, qt.Equals(c.stale(name), want), qt.Commentf("%s", name))
	}
}

func TestPlace(t *testing.T) {
	at := func(priority, handle uint32) filter {
		return filter{tcMsg: tcMsg{Info: priority << 16, Handle: handle}}
	}
	qt.Check(t, qt.Equals(priority(nil), 1))
	qt.Check(t, qt.Equals(priority([]filter{at(2, 0), at(49152, 1)}), 1))
	qt.Check(t, qt.Equals(priority([]filter{at(2, 0), at(1, 1)}), 3))
	qt.Check(t, qt.Equals(handle([]filter{at(1, firstHandle), at(1, 1)}), firstHandle+1))
}

func FuzzAnswers(f *testing.F) {
	f.Add(message(unix.RTM_NEWTFILTER, listed(filter{kind: "bpf", name: "x"})))
	f.Add(message(unix.NLMSG_ERROR, number(0)))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := answers(b, func(b []byte) error {
			_, err := parseFilter(b)
			return err
		})
		var code unix.Errno
		qt.Assert(t, qt.IsTrue(err == nil || errors.Is(err, errShort) || errors.As(err, &code)))
	})
}
