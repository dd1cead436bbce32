package engine

import (
	"encoding/binary"
	mathbits "math/bits"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// addSpecial gives a rule a bit, and returns it.
func (c *compiler) addSpecial(p *part, entry uint32, ops ...int) int {
	bit := c.specialCount
	if bit == specialRules {
		c.problem(p.rule.Pos, "more than %d rules about mounts, sockets, identities and what has no name", specialRules)
		return 0
	}
	c.specialCount++
	c.special.Entry[bit] = entry
	for _, op := range ops {
		c.special.Of[op].add(bit)
	}
	if !p.denies() {
		c.special.Allows.add(bit)
	}
	return bit
}

// operationsOf lists the operations whose flag is set.
func operationsOf[F ~uint16](flags F, table map[F]int) (ops []int) {
	for flag, op := range table {
		if flags&flag != 0 {
			ops = append(ops, op)
		}
	}
	return ops
}

func (c *compiler) mount(p *part) {
	m := p.rule.Mount
	if m == nil {
		return
	}
	c.concern(p, kindMount)
	bit := c.addSpecial(p, c.simpleEntry([]*part{p}), operationsOf(m.Ops, map[policy.MountOp]int{
		policy.MountNew: isMountNew, policy.MountBind: isMountBind, policy.MountMove: isMountMove,
		policy.MountRemount: isMountRemount, policy.MountUmount: isMountUmount, policy.MountPivot: isMountPivot,
		policy.MountPropagation: isMountPropagation,
	})...)
	if len(m.FSType) == 0 {
		c.special.NoFSType.add(bit)
	}
	for _, t := range m.FSType {
		k := wordKey{Space: wordFSType}
		if copy(k.Name[:fstypeLen-1], t.S) < len(t.S) {
			c.problem(t.Pos, "no file system has a name of more than %d bytes", fstypeLen-1)
		}
		c.addWord(k, bit)
	}
	if len(m.Targets) == 0 {
		c.special.NoTarget.add(bit)
	}
	if p.rule.Action == p.policy.OnUnresolved {
		c.special.Unplaced.add(bit)
	}
	for _, pattern := range m.Targets {
		for _, o := range c.places(spaceTarget, pattern, viewOf(p.rule), policy.ByBoth) {
			c.nameObject(o, bit)
		}
	}
}

func (c *compiler) addWord(k wordKey, bit int) {
	s := c.wordSets[k]
	s.add(bit)
	c.wordSets[k] = s
}

// socketTypes are the numbers of the types that policies name.
var socketTypes = map[string]uint32{
	"stream": unix.SOCK_STREAM, "dgram": unix.SOCK_DGRAM, "raw": unix.SOCK_RAW, "rdm": unix.SOCK_RDM,
	"seqpacket": unix.SOCK_SEQPACKET, "dccp": unix.SOCK_DCCP, "packet": unix.SOCK_PACKET,
}

func (c *compiler) socket(p *part) {
	s := p.rule.Socket
	if s == nil {
		return
	}
	c.concern(p, kindSocket)
	bit := c.addSpecial(p, c.simpleEntry([]*part{p}), isSocket)
	if len(s.Families) == 0 {
		c.special.NoFamily.add(bit)
	}
	for _, f := range s.Families {
		c.addWord(wordKey{Space: wordFamily, Number: uint32(f.Number)}, bit)
	}
	if len(s.Types) == 0 {
		c.special.NoType.add(bit)
	}
	for _, t := range s.Types {
		n, ok := socketTypes[t.S]
		if !ok {
			c.problem(t.Pos, "no type of socket %q", t.S)
		}
		c.addWord(wordKey{Space: wordType, Number: n}, bit)
	}
}

func (c *compiler) setuid(p *part) {
	s := p.rule.Setuid
	if s == nil {
		return
	}
	c.concern(p, kindSetuid)
	bit := c.addSpecial(p, c.simpleEntry([]*part{p}), operationsOf(s.Via, map[policy.Via]int{
		policy.ViaSetuid: isSetuid, policy.ViaSetgid: isSetgid, policy.ViaSetgroups: isSetgroups,
		policy.ViaExec: isSuidExec, policy.ViaUserns: isUserns, policy.ViaCapset: isCapset,
	})...)
	if len(s.To) == 0 {
		c.special.NoUser.add(bit)
	}
	for _, r := range s.To {
		c.userRanges[userRule] = append(c.userRanges[userRule], userRange{r.First, r.Last, bit})
	}
}

// userRange is a range of ids with a bit; it is empty if first is above last.
type userRange struct {
	first, last uint32
	bit         int
}

// putUsers writes ranges of ids as prefixes, each with all the bits of its ids.
func (c *compiler) putUsers() {
	for space, ranges := range c.userRanges {
		var edges []uint64
		for _, r := range ranges {
			if r.first <= r.last {
				edges = append(edges, uint64(r.first), uint64(r.last)+1)
			}
		}
		slices.Sort(edges)
		edges = slices.Compact(edges)
		for i := 0; i+1 < len(edges); i++ {
			var s set
			for _, r := range ranges {
				if uint64(r.first) <= edges[i] && edges[i] <= uint64(r.last) {
					s.add(r.bit)
				}
			}
			if s.empty() {
				continue
			}
			for _, p := range prefixes(edges[i], edges[i+1]) {
				k := userKey{Prefix: 32 + uint32(p.length)}
				binary.BigEndian.PutUint32(k.Space[:], uint32(space))
				binary.BigEndian.PutUint32(k.ID[:], p.value)
				c.users[k] = c.setID(s)
			}
		}
	}
	for k, s := range c.wordSets {
		c.words[k] = c.setID(s)
	}
	for id, s := range c.cgroupSets {
		c.cgroups[id] = c.setID(s)
	}
}

type prefix struct {
	value  uint32
	length int
}

// prefixes splits a range of numbers, end excluded, into prefixes of 32 bits.
func prefixes(begin, end uint64) (list []prefix) {
	for begin < end {
		size := 32
		if begin != 0 {
			size = min(size, mathbits.TrailingZeros64(begin))
		}
		size = min(size, mathbits.Len64(end-begin)-1)
		list = append(list, prefix{uint32(begin), 32 - size})
		begin += 1 << size
	}
	return list
}
