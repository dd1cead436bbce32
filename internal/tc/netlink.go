package tc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Attributes of traffic control (linux/rtnetlink.h, linux/pkt_cls.h).
const (
	attrKind    = 1
	attrOptions = 2

	bpfFD    = 6
	bpfName  = 7
	bpfFlags = 8

	bpfDirectAction = 1

	attrTypeMask = 0x3fff // without the bits that tell of nesting and byte order
)

// Handles (linux/pkt_sched.h).
const (
	clsactHandle  = 0xffff0000
	clsactParent  = 0xfffffff1
	ingressParent = 0xfffffff2
	egressParent  = 0xfffffff3
)

// tcMsg is struct tcmsg.
type tcMsg struct {
	Family uint8
	_      [3]uint8
	Index  int32
	Handle uint32
	Parent uint32
	Info   uint32 // of a filter: priority, and protocol in network byte order
}

const tcMsgSize = int(unsafe.Sizeof(tcMsg{}))

// filter is one that the kernel listed.
type filter struct {
	tcMsg
	kind string
	name string // of a BPF filter
}

func (f *filter) priority() uint16 { return uint16(f.Info >> 16) }

// conn is a netlink socket, for one request at a time.
type conn struct{ fd int }

func dial() (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("open netlink socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("bind netlink socket", err)
	}
	return &conn{fd}, nil
}

func (c *conn) close() error { return unix.Close(c.fd) }

// attribute appends one with its padding.
func attribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	for len(b)%unix.RTA_ALIGNTO != 0 {
		b = append(b, 0)
	}
	return b
}

func number(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

// text is one with the NUL that the kernel wants.
func text(s string) []byte { return append([]byte(s), 0) }

// request sends a message and hands the answers to each, if there are any. Errors are those of the kernel.
func (c *conn) request(kind, flags uint16, msg tcMsg, attributes []byte, each func([]byte) error) error {
	body := append(unsafe.Slice((*byte)(unsafe.Pointer(&msg)), tcMsgSize), attributes...)
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags|unix.NLM_F_REQUEST)
	b = append(b, make([]byte, 8)...) // sequence and port: there is one request at a time
	if err := unix.Sendto(c.fd, append(b, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("send to netlink socket", err)
	}
	buf := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(c.fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("receive from netlink socket", err)
		}
		done, err := answers(buf[:n], each)
		if done || err != nil {
			return err
		}
	}
}

// errShort says that the kernel sent less than it must.
var errShort = errors.New("netlink: message is too short")

// answers goes through the messages of a datagram; done says that it was the last one.
func answers(b []byte, each func([]byte) error) (done bool, err error) {
	for len(b) > 0 {
		if len(b) < unix.SizeofNlMsghdr {
			return true, errShort
		}
		size, kind := int(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint16(b[4:])
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return true, errShort
		}
		body := b[unix.SizeofNlMsghdr:size]
		switch kind {
		case unix.NLMSG_DONE, unix.NLMSG_ERROR:
			if len(body) < 4 {
				return true, errShort
			}
			if code := int32(binary.NativeEndian.Uint32(body)); code != 0 {
				return true, unix.Errno(-code)
			}
			return true, nil
		case unix.NLMSG_NOOP:
		default:
			if each == nil {
				break
			}
			if err := each(body); err != nil {
				return true, err
			}
		}
		b = b[min(len(b), (size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
	return false, nil
}

// parseFilter reads a filter of a list.
func parseFilter(b []byte) (filter, error) {
	var f filter
	if len(b) < tcMsgSize {
		return f, errShort
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&f.tcMsg)), tcMsgSize), b)
	err := attributes(b[tcMsgSize:], func(kind uint16, value []byte) error {
		switch kind {
		case attrKind:
			f.kind = cString(value)
		case attrOptions:
			if f.kind != "bpf" { // which comes before
				return nil
			}
			return attributes(value, func(kind uint16, value []byte) error {
				if kind == bpfName {
					f.name = cString(value)
				}
				return nil
			})
		}
		return nil
	})
	return f, err
}

func attributes(b []byte, each func(kind uint16, value []byte) error) error {
	for len(b) > 0 {
		if len(b) < unix.SizeofRtAttr {
			return errShort
		}
		size, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if size < unix.SizeofRtAttr || size > len(b) {
			return errShort
		}
		if err := each(kind&attrTypeMask, b[unix.SizeofRtAttr:size]); err != nil {
			return err
		}
		b = b[min(len(b), (size+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1)):]
	}
	return nil
}

func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// filters lists those of an interface and direction. A priority is listed as well, as one without handle.
func (c *conn) filters(index int, d Direction) (all []filter, err error) {
	msg := tcMsg{Index: int32(index), Parent: parent(d)}
	err = c.request(unix.RTM_GETTFILTER, unix.NLM_F_DUMP, msg, nil, func(b []byte) error {
		f, err := parseFilter(b)
		all = append(all, f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list filters: %w", err)
	}
	return all, nil
}

// add adds a BPF filter.
func (c *conn) add(f filter, fd int) error {
	options := attribute(nil, bpfFD, number(uint32(fd)))
	options = attribute(options, bpfName, text(f.name))
	options = attribute(options, bpfFlags, number(bpfDirectAction))
	attrs := attribute(nil, attrKind, text("bpf"))
	attrs = attribute(attrs, attrOptions, options)
	if err := c.request(unix.RTM_NEWTFILTER, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK, f.tcMsg, attrs, nil); err != nil {
		return fmt.Errorf("add filter: %w", err)
	}
	return nil
}

// remove takes a filter away.
func (c *conn) remove(f filter) error {
	return c.request(unix.RTM_DELTFILTER, unix.NLM_F_ACK, f.tcMsg, attribute(nil, attrKind, text("bpf")), nil)
}

// clsact adds or removes the queueing discipline of an interface.
func (c *conn) clsact(index int, add bool) error {
	msg := tcMsg{Index: int32(index), Handle: clsactHandle, Parent: clsactParent}
	if !add {
		return c.request(unix.RTM_DELQDISC, unix.NLM_F_ACK, msg, nil, nil)
	}
	return c.request(unix.RTM_NEWQDISC, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK, msg, attribute(nil, attrKind, text("clsact")), nil)
}
