package policy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

var (
	accesses  = []word[Access]{{"read", Read}, {"write", Write}, {"create", Create}, {"delete", Delete}, {"attr", Attr}}
	owners    = []word[Owner]{{"own", OwnFile}, {"other", OtherFile}}
	openFiles = []word[bool]{{"deny", true}, {"report", false}}
	protos    = []word[Proto]{{"tcp", TCP}, {"udp", UDP}, {"other", OtherProto}}
	mountOps  = []word[MountOp]{{"new", MountNew}, {"bind", MountBind}, {"move", MountMove}, {"remount", MountRemount},
		{"umount", MountUmount}, {"pivot", MountPivot}, {"propagation", MountPropagation}}
	vias = []word[Via]{{"setuid", ViaSetuid}, {"setgid", ViaSetgid}, {"setgroups", ViaSetgroups}, {"exec", ViaExec},
		{"userns", ViaUserns}, {"capset", ViaCapset}}
)

func (d *decoder) fileBlock(n ast.Node, r *Rule) *File {
	f := d.fields(n, "file", "paths", "access", "owner", "open_before")
	file := &File{Access: AccessAll, Pos: d.pos(n)}
	if paths, ok := f["paths"]; ok {
		file.Paths = d.patterns(paths, "a path", ParsePattern)
	} else {
		d.add(file.Pos, `file has no paths; "/**" is every file`)
	}
	if access, ok := f["access"]; ok {
		file.Access = union(d, access, "access", accesses)
	}
	if owner, ok := f["owner"]; ok {
		file.Owner, _ = choice(d, owner, "the owner", owners)
	}
	if before, ok := f["open_before"]; ok {
		file.OpenBefore, _ = choice(d, before, "open_before", openFiles)
		if r.Action == Allow {
			d.add(d.pos(before), "open_before is for rules that deny")
		}
	}
	return file
}

func (d *decoder) execBlock(n ast.Node, r *Rule) *Exec {
	f := d.fields(n, "exec", "paths", "fileless", "no_args", "loader")
	exec := &Exec{Loader: r.Action == Deny, Pos: d.pos(n)}
	if paths, ok := f["paths"]; ok {
		exec.Paths = d.patterns(paths, "a path", ParsePattern)
	}
	if fileless, ok := f["fileless"]; ok {
		exec.Fileless = d.boolean(fileless, "fileless")
	}
	if noArgs, ok := f["no_args"]; ok {
		exec.NoArgs = d.boolean(noArgs, "no_args")
	}
	if loader, ok := f["loader"]; ok {
		exec.Loader = d.boolean(loader, "loader")
	}
	if f["paths"] == nil && !exec.Fileless && !exec.NoArgs {
		d.add(exec.Pos, `exec has neither paths nor "fileless: true" nor "no_args: true"; the path "/**" is every program`)
	}
	return exec
}

// addresses reads what connect and bind have in common.
func (d *decoder) addresses(n ast.Node, what string) (to []Network, ports []PortRange, proto Proto, unix []Pattern) {
	f := d.fields(n, what, "to", "ports", "proto", "unix")
	if v, ok := f["to"]; ok {
		to = d.networks(v)
	}
	if v, ok := f["ports"]; ok {
		ports = d.ports(v)
	}
	if v, ok := f["unix"]; ok {
		unix = d.patterns(v, "a socket", parseUnix)
	}
	if v, ok := f["proto"]; ok {
		proto = union(d, v, "proto", protos)
	} else if f["unix"] == nil || f["to"] != nil || f["ports"] != nil {
		proto = ProtoAll
	}
	return to, ports, proto, unix
}

// socketTypes are the names of SOCK_ constants.
var socketTypes = []word[string]{{"stream", "stream"}, {"dgram", "dgram"}, {"raw", "raw"}, {"seqpacket", "seqpacket"},
	{"packet", "packet"}}

func (d *decoder) socketBlock(n ast.Node) *Socket {
	f := d.fields(n, "socket", "families", "types")
	s := &Socket{Pos: d.pos(n)}
	if families, ok := f["families"]; ok {
		for _, item := range d.items(families, "families") {
			if t, ok := d.text(item, "a family"); ok {
				family, err := parseFamily(t.S)
				if err != nil {
					d.add(t.Pos, "%v", err)
					continue
				}
				family.Pos = t.Pos
				s.Families = append(s.Families, family)
			}
		}
	}
	if types, ok := f["types"]; ok {
		for _, item := range d.items(types, "types") {
			if name, ok := choice(d, item, "a type", socketTypes); ok {
				s.Types = append(s.Types, Text{S: name, Pos: d.pos(item)})
			}
		}
	}
	return s
}

// The kernel has 16 bits for a family and knows no number this large.
const maxFamily = 255

func parseFamily(s string) (Family, error) {
	if number, ok := familyNumbers[s]; ok {
		return Family{Name: s, Number: number}, nil
	}
	if n, err := number(s, s, maxFamily); err == nil {
		return Family{Name: familyNames[uint16(n)], Number: uint16(n)}, nil
	}
	lower := strings.TrimPrefix(strings.ToLower(s), "af_")
	if _, ok := familyNumbers[lower]; ok {
		return Family{}, fmt.Errorf("%s is written %s here", quote(s), lower)
	}
	return Family{}, fmt.Errorf("%s is no address family; they are unix, inet, inet6, netlink, packet, alg, vsock and other "+
		"AF_ constants in small letters, and numbers up to %d", quote(s), maxFamily)
}

// File systems whose type has a dot are of the type before it (fuse.sshfs).
var fsType = regexp.MustCompile(`^[A-Za-z0-9_+-]+$`)

func checkFSType(s string) error {
	if before, _, dot := strings.Cut(s, "."); dot && fsType.MatchString(before) {
		return fmt.Errorf("the kernel does not tell what follows the dot of %s; write %s", quote(s), before)
	}
	if !fsType.MatchString(s) || len(s) > maxID {
		return fmt.Errorf("%s is no type of a file system such as tmpfs or ext4", quote(s))
	}
	return nil
}

func (d *decoder) mountBlock(n ast.Node) *Mount {
	f := d.fields(n, "mount", "ops", "fstype", "targets")
	m := &Mount{Ops: MountAll, Pos: d.pos(n)}
	if ops, ok := f["ops"]; ok {
		m.Ops = union(d, ops, "ops", mountOps)
	}
	if types, ok := f["fstype"]; ok {
		m.FSType = d.texts(types, "fstype", checkFSType)
	}
	if targets, ok := f["targets"]; ok {
		m.Targets = d.patterns(targets, "a target", parseTarget)
	}
	return m
}

func (d *decoder) setuidBlock(n ast.Node) *Setuid {
	f := d.fields(n, "setuid", "to", "via")
	s := &Setuid{Via: ViaDefault, Pos: d.pos(n)}
	if to, ok := f["to"]; ok {
		s.To = d.ids(to, "an id")
	}
	if via, ok := f["via"]; ok {
		s.Via = union(d, via, "via", vias)
	}
	return s
}

// familyNames are the names of address families by number (include/linux/socket.h).
var familyNames = map[uint16]string{
	1: "unix", 2: "inet", 3: "ax25", 4: "ipx", 5: "appletalk", 6: "netrom", 7: "bridge", 8: "atmpvc", 9: "x25", 10: "inet6",
	11: "rose", 12: "decnet", 13: "netbeui", 14: "security", 15: "key", 16: "netlink", 17: "packet", 18: "ash", 19: "econet",
	20: "atmsvc", 21: "rds", 22: "sna", 23: "irda", 24: "pppox", 25: "wanpipe", 26: "llc", 27: "ib", 28: "mpls", 29: "can",
	30: "tipc", 31: "bluetooth", 32: "iucv", 33: "rxrpc", 34: "isdn", 35: "phonet", 36: "ieee802154", 37: "caif", 38: "alg",
	39: "nfc", 40: "vsock", 41: "kcm", 42: "qipcrtr", 43: "smc", 44: "xdp", 45: "mctp",
}

var familyNumbers = func() map[string]uint16 {
	numbers := make(map[string]uint16, len(familyNames))
	for number, name := range familyNames {
		numbers[name] = number
	}
	return numbers
}()

// classKeys are the keys of defaults. Those of single accesses are part of file.
var classKeys = []word[Default]{
	{"file", Default{Class: ClassFile, Access: AccessAll}},
	{"read", Default{Class: ClassFile, Access: Read}},
	{"write", Default{Class: ClassFile, Access: Write}},
	{"create", Default{Class: ClassFile, Access: Create}},
	{"delete", Default{Class: ClassFile, Access: Delete}},
	{"attr", Default{Class: ClassFile, Access: Attr}},
	{"exec", Default{Class: ClassExec}},
	{"connect", Default{Class: ClassConnect}},
	{"bind", Default{Class: ClassBind}},
	{"socket", Default{Class: ClassSocket}},
	{"mount", Default{Class: ClassMount}},
	{"setuid", Default{Class: ClassSetuid}},
}

// String returns the family as a policy has it.
func (f Family) String() string {
	if f.Name != "" {
		return f.Name
	}
	return strconv.Itoa(int(f.Number))
}
