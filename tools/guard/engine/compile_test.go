package engine

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// noHost is a machine without files.
type noHost struct{}

func (noHost) file(path string) (file, string, bool, error) { return file{}, path, false, nil }
func (noHost) before(string) []file                         { return nil }
func (noHost) cgroup(dir string) (cgroup, error)            { return cgroup{dir, 7}, nil }
func (noHost) container(string) ([]cgroup, error)           { return []cgroup{{"/a/b", 8}}, nil }
func (noHost) self() (file, bool)                           { return file{dev: 1, ino: 2}, true }

func compileText(t *testing.T, b *bits, yaml string) *tables {
	t.Helper()
	p, err := policy.Parse("test.yaml", []byte("version: 1\nname: test\nmode: enforce\n"+yaml))
	qt.Assert(t, qt.IsNil(err))
	tb, err := compile(p, 1, [2]uint64{1, 2}, noHost{}, b, policy.DefaultEphemeral, nil)
	qt.Assert(t, qt.IsNil(err))
	return tb
}

// TestBits: a subject keeps its bit as long as it is defined as it was, and a bit that
// is free is taken again.
func TestBits(t *testing.T) {
	b := newBits()
	const two = `
subjects: {a: {exe: /a}, b: {exe: /b}}
rules:
  - {id: a, subject: a, exec: {paths: /x}, action: deny}
  - {id: b, subject: b, exec: {paths: /x}, action: deny}
`
	const one = `
subjects: {c: {exe: /b}}
rules: [{id: b, subject: c, exec: {paths: /x}, action: deny}]
`
	bitOf := func(tb *tables, name string) int {
		for bit, n := range tb.names {
			if n == name {
				return bit
			}
		}
		return -1
	}
	first := compileText(t, b, two)
	b.sweep()
	qt.Check(t, qt.IsTrue(b.fresh.has(bitOf(first, "a"))))
	b.fresh = set{}
	second := compileText(t, b, one)
	qt.Check(t, qt.Equals(bitOf(second, "c"), bitOf(first, "b")))
	qt.Check(t, qt.IsTrue(b.fresh.empty()))
	free := b.sweep()
	qt.Check(t, qt.IsTrue(free.has(bitOf(first, "a"))))
	third := compileText(t, b, two)
	qt.Check(t, qt.Equals(bitOf(third, "b"), bitOf(first, "b")))
	// The bit means another subject now, which nobody has been looked at for.
	qt.Check(t, qt.Equals(bitOf(third, "a"), bitOf(first, "a")))
	qt.Check(t, qt.IsTrue(b.fresh.has(bitOf(third, "a"))))
}

func TestPrefixes(t *testing.T) {
	for _, test := range []struct {
		begin, end uint64
		want       []prefix
	}{
		{0, 1 << 32, []prefix{{0, 0}}},
		{0, 1, []prefix{{0, 32}}},
		{5, 8, []prefix{{5, 32}, {6, 31}}},
		{1<<32 - 1, 1 << 32, []prefix{{1<<32 - 1, 32}}},
		{3, 3, nil},
	} {
		qt.Check(t, qt.IsTrue(slices.Equal(prefixes(test.begin, test.end), test.want)), qt.Commentf("%d to %d", test.begin, test.end))
	}
	// Each number of a range is in one prefix, and no other is in any.
	for begin := range uint64(40) {
		for end := begin; end < 40; end++ {
			for n := range uint64(64) {
				in := 0
				for _, p := range prefixes(begin, end) {
					if uint32(n)>>(32-p.length) == p.value>>(32-p.length) {
						in++
					}
				}
				want := 0
				if begin <= n && n < end {
					want = 1
				}
				qt.Assert(t, qt.Equals(in, want), qt.Commentf("%d in %d to %d", n, begin, end))
			}
		}
	}
}

// TestRulesOf: the rules of a network are its own and those around it; IPv4 is in no
// network of IPv6.
func TestRulesOf(t *testing.T) {
	own := map[netip.Prefix]ruleSet{
		wide(netip.MustParsePrefix("10.0.0.0/8")):  {1},
		wide(netip.MustParsePrefix("10.1.0.0/16")): {2},
		wide(netip.MustParsePrefix("0.0.0.0/0")):   {3},
		netip.MustParsePrefix("::/0"):              {4},
		netip.MustParsePrefix("fd00::/8"):          {5},
	}
	for p, want := range map[string]ruleSet{
		"10.1.0.0/16": {1, 2, 3}, "10.0.0.0/8": {1, 3}, "0.0.0.0/0": {3}, "11.0.0.1/32": {3},
		"fd00::/8": {4, 5}, "::/0": {4}, "fe80::1/128": {4},
	} {
		qt.Check(t, qt.DeepEquals(rulesOf(own, wide(netip.MustParsePrefix(p))), want), qt.Commentf("%s", p))
	}
}

// TestPorts: of a bind to port 0 a rule that denies has one of the ports that it can
// become, and one that allows has all of them.
func TestPorts(t *testing.T) {
	tb := compileText(t, newBits(), `
rules:
  - {id: low, subject: all, bind: {ports: "1-1023", proto: tcp}, action: deny}
  - {id: some, subject: all, bind: {ports: "40000-40001", proto: tcp}, action: deny}
  - {id: all, subject: all, bind: {ports: "32768-60999", proto: tcp}, action: allow}
  - {id: few, subject: all, bind: {ports: "32768-60998", proto: tcp}, action: allow}
`)
	rules := func(port int) (ids []string) {
		class := uint32(tb.ports[port].Of[spaceBind][protoTCP])
		entry := tb.flows[flowKey{spaceBind, protoTCP, 0, class}]
		for _, p := range tb.parts[entry] {
			ids = append(ids, p.rule.ID)
		}
		return ids
	}
	for port, want := range map[int][]string{
		0: {"some", "all"}, 1: {"low"}, 1023: {"low"}, 1024: nil, 32768: {"all", "few"}, 40000: {"some", "all", "few"},
		60999: {"all"}, 61000: nil, 65535: nil,
	} {
		qt.Check(t, qt.DeepEquals(rules(port), want), qt.Commentf("%d", port))
	}
	qt.Check(t, qt.Equals(tb.ports[22].Of[spaceBind][protoUDP], 0))
	qt.Check(t, qt.Equals(tb.ports[22].Of[spaceConnect][protoTCP], 0))
}

// TestSharedEffects: what is said of many files is written once.
func TestSharedEffects(t *testing.T) {
	tb := compileText(t, newBits(), `
rules: [{id: r, subject: all, file: {paths: [/a, /b, /c, /d/**]}, action: deny}]
`)
	qt.Check(t, qt.HasLen(tb.paths, 4))
	qt.Check(t, qt.HasLen(tb.effects, 1+fileKinds*2))
}

// TestLimits: what does not fit is an error with its place.
func TestLimits(t *testing.T) {
	yaml := "version: 1\nname: test\nrules:\n"
	for i := range specialRules + 1 {
		yaml += "  - {id: r" + string(rune('A'+i/100)) + string(rune('a'+i/10%10)) + string(rune('a'+i%10)) + ", subject: all, mount: {}, action: deny}\n"
	}
	p, err := policy.Parse("test.yaml", []byte(yaml))
	qt.Assert(t, qt.IsNil(err))
	_, err = compile(p, 1, [2]uint64{}, noHost{}, newBits(), policy.DefaultEphemeral, nil)
	qt.Check(t, qt.ErrorMatches(err, "test.yaml:260:5: more than 256 rules about mounts.*"))
}
