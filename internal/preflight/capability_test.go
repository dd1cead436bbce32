package preflight

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func set(caps ...Capability) (s Set) {
	for _, c := range caps {
		s = s.With(c)
	}
	return s
}

var (
	needBPF     = Need{Cap: BPF, Why: "load programs"}
	needPerfmon = Need{Cap: Perfmon, Why: "attach them"}
	needNet     = Need{Cap: NetAdmin, Why: "change filters"}
)

func TestSets(t *testing.T) {
	s := set(SysAdmin, BPF)
	qt.Check(t, qt.IsTrue(s.Has(SysAdmin)))
	qt.Check(t, qt.IsTrue(s.Has(BPF)))
	qt.Check(t, qt.IsFalse(s.Has(Perfmon)))
	qt.Check(t, qt.Equals(s, 1<<21|1<<39)) // numbers of the kernel's own header
	qt.Check(t, qt.Equals(set(Perfmon, SysPtrace, DacReadSearch, SysResource, NetAdmin), 1<<38|1<<19|1<<2|1<<24|1<<12))
}

func TestCapabilityNames(t *testing.T) {
	for c, want := range map[Capability]string{
		BPF: "CAP_BPF", Perfmon: "CAP_PERFMON", SysAdmin: "CAP_SYS_ADMIN", SysResource: "CAP_SYS_RESOURCE",
		SysPtrace: "CAP_SYS_PTRACE", NetAdmin: "CAP_NET_ADMIN", DacReadSearch: "CAP_DAC_READ_SEARCH", 0: "CAP_CHOWN",
	} {
		qt.Check(t, qt.Equals(c.String(), want))
	}
}

func TestCheckCapabilities(t *testing.T) {
	both := []Need{needBPF, needPerfmon}
	for _, test := range []struct {
		what  string
		needs []Need
		have  Set
		where string
		want  string // "" for none
	}{
		{"nothing needed", nil, 0, "", ""},
		{"just enough", both, set(BPF, Perfmon), "", ""},
		{"all", both, ^Set(0), "", ""},
		{"SYS_ADMIN stands for both", both, set(SysAdmin), "", ""},
		{"and for one", both, set(SysAdmin, BPF), "", ""},
		{"but not for others", []Need{needBPF, needNet}, set(SysAdmin), "", `missing capability: CAP_NET_ADMIN (to change filters)`},
		{"others not for SYS_ADMIN", []Need{{Cap: SysAdmin, Why: "do it"}}, set(BPF, Perfmon), "", `missing capability: CAP_SYS_ADMIN (to do it)`},
		{"one", both, set(BPF), "", `missing capability: CAP_PERFMON (to attach them)`},
		{"the other", both, set(Perfmon), "", `missing capability: CAP_BPF (to load programs)`},
		{"each by name", append(both, needNet), 0, "", `missing capability: CAP_BPF (to load programs), CAP_PERFMON (to attach them), CAP_NET_ADMIN (to change filters)`},
		{"where", both, 0, "in a box", `missing capability: CAP_BPF (to load programs), CAP_PERFMON (to attach them): in a box`},
	} {
		err := checkCapabilities("snoop", test.needs, test.have, test.where)
		comment := qt.Commentf("%s", test.what)
		if test.want == "" {
			qt.Check(t, qt.IsNil(err), comment)
			continue
		}
		var missing *MissingCapability
		if qt.Check(t, qt.ErrorAs(err, &missing), comment) {
			qt.Check(t, qt.Equals(missing.Error(), test.want), comment)
			qt.Check(t, qt.DeepEquals(missing.Set, test.needs), comment)
		}
	}
}

// TestOldKernels has kernels without CAP_BPF and CAP_PERFMON (before 5.8).
func TestOldKernels(t *testing.T) {
	const old = Perfmon - 1
	needs := []Need{needBPF, needNet, needPerfmon}
	qt.Check(t, qt.DeepEquals(onThisKernel(needs, BPF), needs))
	qt.Check(t, qt.DeepEquals(onThisKernel(needs, 63), needs))
	// One SYS_ADMIN for both, in the place of the first.
	want := []Need{{Cap: SysAdmin, Why: needBPF.Why}, needNet}
	qt.Check(t, qt.DeepEquals(onThisKernel(needs, old), want))

	err := checkCapabilities("snoop", onThisKernel(needs, old), set(NetAdmin), "")
	qt.Check(t, qt.ErrorMatches(err, `missing capability: CAP_SYS_ADMIN \(to load programs\)`))
	qt.Check(t, qt.IsNil(checkCapabilities("snoop", onThisKernel(needs, old), set(NetAdmin, SysAdmin), "")))

	// The same capability for two reasons is one.
	qt.Check(t, qt.DeepEquals(onThisKernel([]Need{needBPF, {Cap: BPF, Why: "read counters"}}, BPF), []Need{needBPF}))
}

func TestRemedy(t *testing.T) {
	err := &MissingCapability{Command: "snoop", Missing: []Need{needPerfmon}, Set: []Need{needBPF, needPerfmon, {Cap: SysAdmin, Why: "x"}}}
	// The whole set, not only what is missing: setcap replaces what was there.
	qt.Check(t, qt.Matches(err.Remedy(),
		`run as root, or: setcap cap_bpf,cap_perfmon,cap_sys_admin=ep /\S+\.test, or in a container: --cap-add BPF --cap-add PERFMON --cap-add SYS_ADMIN`))
}

func TestNeedsAt(t *testing.T) {
	needs := []Need{needBPF, needPerfmon}
	for era, want := range map[Era][]Capability{
		EraOld: {SysAdmin, SysResource},
		Era58:  {BPF, Perfmon, SysResource},
		Era511: {BPF, Perfmon},
	} {
		var got []Capability
		for _, n := range NeedsAt(needs[:2], era) {
			got = append(got, n.Cap)
			qt.Check(t, qt.Not(qt.Equals(n.Why, "")))
		}
		qt.Check(t, qt.DeepEquals(got, want), qt.Commentf("era %d", era))
	}
}

// TestNeedsAtCopies: the needs of a command are shared by its modes.
func TestNeedsAtCopies(t *testing.T) {
	needs := make([]Need, 1, 4)
	needs[0] = needBPF
	NeedsAt(needs, Era58)
	qt.Check(t, qt.Equals(needs[:2][1], Need{}))
}

func TestStatus(t *testing.T) {
	got := status([]Need{needBPF, needPerfmon, needNet}, set(SysAdmin, Perfmon))
	qt.Check(t, qt.DeepEquals(got, []HeldNeed{{needBPF, true}, {needPerfmon, true}, {needNet, false}}))

	// The real process: what Status calls missing is what Capabilities refuses.
	needs := []Need{needBPF, needPerfmon, needNet}
	var missing []Need
	for _, s := range Status(needs) {
		if !s.Have {
			missing = append(missing, s.Need)
		}
	}
	err := Capabilities("snoop", needs)
	if len(missing) == 0 {
		qt.Check(t, qt.IsNil(err))
		return
	}
	var e *MissingCapability
	qt.Assert(t, qt.ErrorAs(err, &e))
	qt.Check(t, qt.DeepEquals(e.Missing, missing))
}

func TestErrors(t *testing.T) {
	inner := &MissingFeature{Feature: "x"}
	qt.Check(t, qt.ErrorMatches(inner, "this kernel lacks x"))
	qt.Check(t, qt.ErrorIs(&MissingFeature{Feature: "y", Err: inner}, error(inner)))
	qt.Check(t, qt.ErrorMatches(&MissingFeature{Feature: "y", Err: inner}, "this kernel lacks y: this kernel lacks x"))
	locked := &LockedDown{Mode: "confidentiality", Err: inner}
	qt.Check(t, qt.ErrorIs(locked, error(inner)))
	qt.Check(t, qt.ErrorMatches(locked, `this kernel is locked down \(confidentiality\) .*: this kernel lacks x`))
	qt.Check(t, qt.StringContains(locked.Remedy(), "lockdown=integrity"))
}

// TestParseCapability reads what String writes, and what people do.
func TestParseCapability(t *testing.T) {
	for c := range Capability(64) {
		if !c.Known() {
			continue
		}
		for _, text := range []string{c.String(), strings.ToLower(c.String()), strings.TrimPrefix(c.String(), "CAP_"), strconv.Itoa(int(c))} {
			got, err := ParseCapability(text)
			qt.Check(t, qt.IsNil(err))
			qt.Check(t, qt.Equals(got, c), qt.Commentf("%s", text))
		}
	}
	got, err := ParseCapability("63") // of a kernel to come
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, 63))
	for _, text := range []string{"", "64", "256", "-1", "+1", " 1", "CAP_", "cap_cap_chown", "CHOW", "CAP_63", "chown ", "18446744073709551616"} {
		_, err := ParseCapability(text)
		qt.Check(t, qt.ErrorMatches(err, `unknown capability "`+regexp.QuoteMeta(text)+`": want a name such as CAP_NET_RAW or net_raw, or a number from 0 to 63`))
	}
}

// TestKnown: numbers and names are those of capability.h up to 5.9's last.
func TestKnown(t *testing.T) {
	for c, want := range map[Capability]string{0: "CAP_CHOWN", 12: "CAP_NET_ADMIN", 13: "CAP_NET_RAW", 31: "CAP_SETFCAP", 34: "CAP_SYSLOG", 37: "CAP_AUDIT_READ", 40: "CAP_CHECKPOINT_RESTORE"} {
		qt.Check(t, qt.Equals(c.String(), want))
		qt.Check(t, qt.IsTrue(c.Known()))
	}
	for c, want := range map[Capability]string{-1: "CAP_-1", 41: "CAP_41", 63: "CAP_63"} {
		qt.Check(t, qt.Equals(c.String(), want))
		qt.Check(t, qt.IsFalse(c.Known()))
	}
}

func TestSetNames(t *testing.T) {
	s := set(63, 13, 0, 40)
	qt.Check(t, qt.DeepEquals(s.Names(), []string{"CAP_CHOWN", "CAP_NET_RAW", "CAP_CHECKPOINT_RESTORE", "CAP_63"}))
	qt.Check(t, qt.DeepEquals(s.Without(13).Without(13).Without(1).Names(), []string{"CAP_CHOWN", "CAP_CHECKPOINT_RESTORE", "CAP_63"}))
	qt.Check(t, qt.Equals(len((^Set(0)).Names()), 64))
	qt.Check(t, qt.IsNotNil(Set(0).Names())) // [] in JSON
	qt.Check(t, qt.HasLen(Set(0).Names(), 0))
	qt.Check(t, qt.Equals((^Set(0)).Without(63), ^Set(0)>>1))
}
