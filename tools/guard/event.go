package main

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/guard/engine"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// event is an alert as it is printed.
type event struct {
	trace.Head
	engine.Alert
}

// set makes an event of an alert.
func (e *event) set(a engine.Alert) {
	e.Alert = a
	e.Head = trace.Head{
		Time: a.Time.UnixNano(), PID: a.Process.PID, TID: a.Process.TID, PPID: a.Process.PPID, UID: a.Process.UID,
		Comm: []byte(a.Process.Comm), CgroupID: a.Process.CgroupID, ContainerID: a.Process.ContainerID,
	}
}

// classOf is the class of operations that a kind is one of.
func classOf(k engine.Kind) policy.Class {
	switch k {
	case "exec", "load":
		return policy.ClassExec
	case "connect":
		return policy.ClassConnect
	case "bind":
		return policy.ClassBind
	case "socket":
		return policy.ClassSocket
	case "mount":
		return policy.ClassMount
	case "setuid":
		return policy.ClassSetuid
	}
	return policy.ClassFile
}

// classSelf is the class of what is done to guard itself, which is none of policies.
const classSelf = "self"

// className is the name of the class of a kind.
func className(k engine.Kind) string {
	if k == classSelf {
		return classSelf
	}
	return classOf(k).String()
}

// kinds are all that there are.
var kinds = []string{"read", "write", "create", "delete", "attr", "exec", "load", "connect", "bind", "socket", "mount", "setuid", classSelf}

// action is what became of it.
func (e *event) action() string {
	if e.Denied {
		return "deny"
	}
	return "audit"
}

// ofNetwork reports whether the alert is about sockets.
func (e *event) ofNetwork() bool {
	switch classOf(e.Kind) {
	case policy.ClassConnect, policy.ClassBind, policy.ClassSocket:
		return true
	}
	return false
}

// proto is the name of the transport protocol; "" where it has none, or the family is
// none of the Internet's.
func proto(o *engine.Object) string {
	if o.Family != unix.AF_INET && o.Family != unix.AF_INET6 {
		return ""
	}
	switch o.Protocol {
	case unix.IPPROTO_TCP, unix.IPPROTO_MPTCP:
		return "tcp"
	case unix.IPPROTO_UDP, unix.IPPROTO_UDPLITE:
		return "udp"
	case unix.IPPROTO_SCTP:
		return "sctp"
	case unix.IPPROTO_ICMP:
		return "icmp"
	case unix.IPPROTO_ICMPV6:
		return "icmpv6"
	}
	return ""
}

// socketTypes are the names of SOCK_ constants.
var socketTypes = map[uint32]string{
	unix.SOCK_STREAM: "stream", unix.SOCK_DGRAM: "dgram", unix.SOCK_RAW: "raw", unix.SOCK_RDM: "rdm",
	unix.SOCK_SEQPACKET: "seqpacket", unix.SOCK_DCCP: "dccp", unix.SOCK_PACKET: "packet",
}

// device is a number of the kernel (major << 20 | minor) as MAJOR:MINOR.
func device(dev uint32) string {
	return strconv.Itoa(int(dev>>20)) + ":" + strconv.Itoa(int(dev&(1<<20-1)))
}
