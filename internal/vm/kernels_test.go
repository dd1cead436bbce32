package vm

import (
	"os"
	"regexp"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestCompareVersions(t *testing.T) {
	ascending := []string{
		"0~1-1", "1.0~rc1-1", "1.0-1~bpo13+1", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0-2", "1.0-10", "1.0+a-1", "1.0.1-1",
		"5.10.223-1", "6.1.176-1", "6.12.94-1", "6.12.107-1~bpo12+1", "6.12.107-1", "7.2.12-1", "7.3.4-1~bpo13+1",
		"1:0.1-1", "2:0-1",
	}
	for i, a := range ascending {
		for j, b := range ascending {
			got := compareVersions(a, b)
			qt.Check(t, qt.Equals(got < 0, i < j), qt.Commentf("%s %s: %d", a, b, got))
			qt.Check(t, qt.Equals(got == 0, i == j), qt.Commentf("%s %s: %d", a, b, got))
		}
	}
	qt.Assert(t, qt.Equals(compareVersions("1.01-1", "1.1-1"), 0))
}

// The index was recorded on a day when the newest kernel was 7.3.4.
func TestResolve(t *testing.T) {
	text, err := os.ReadFile("testdata/madison.txt")
	qt.Assert(t, qt.IsNil(err))
	all := parseMadison(string(text))
	for name, want := range map[string][]release{
		"5.10": {
			{"5.10.0-32-cloud-amd64", "5.10.223-1", []string{"linux-image-5.10.0-32-cloud-amd64=5.10.223-1"}},
			{"5.10.0-30-cloud-amd64", "5.10.218-1", []string{"linux-image-5.10.0-30-cloud-amd64=5.10.218-1"}},
		},
		"6.12": {
			{"6.12.107+deb13-cloud-amd64", "6.12.107-1", []string{"linux-image-6.12.107+deb13-cloud-amd64=6.12.107-1"}},
			{"6.12.94+deb13-cloud-amd64", "6.12.94-1", []string{"linux-image-6.12.94+deb13-cloud-amd64=6.12.94-1"}},
		},
		"newest": {
			{"7.3.4+deb13-cloud-amd64", "7.3.4-1~bpo13+1", []string{
				"linux-binary-7.3.4+deb13-cloud-amd64=7.3.4-1~bpo13+1",
				"linux-image-7.3.4+deb13-cloud-amd64=7.3.4-1~bpo13+1",
				"linux-modules-7.3.4+deb13-cloud-amd64=7.3.4-1~bpo13+1",
			}},
		},
	} {
		kernels, err := Lookup(name)
		qt.Assert(t, qt.IsNil(err))
		k := kernels[0]
		// apt-cache search applies the pattern in the real run.
		pattern := regexp.MustCompile(k.pattern())
		var offers []offer
		for _, o := range all {
			if pattern.MatchString(o.Package) {
				offers = append(offers, o)
			}
		}
		got := k.resolve(offers)
		qt.Assert(t, qt.IsTrue(len(got) >= len(want)), qt.Commentf("%s: %v", name, got))
		qt.Assert(t, qt.DeepEquals(got[:len(want)], want))
	}
}

func TestPattern(t *testing.T) {
	k := Kernel{Series: "6.1", Arch: "amd64"}
	re := regexp.MustCompile(k.pattern())
	for name, want := range map[string]bool{
		"linux-image-6.1.0-50-cloud-amd64":          true,
		"linux-image-6.1.0-50-cloud-amd64-unsigned": false,
		"linux-image-6.1.0-50-cloud-amd64-dbg":      false,
		"linux-image-6.1.0-50-cloud-arm64":          false,
		"linux-image-6.1.0-50-amd64":                false,
		"linux-image-6.12.107+deb13-cloud-amd64":    false,
		"linux-headers-6.1.0-50-cloud-amd64":        false,
	} {
		qt.Check(t, qt.Equals(re.MatchString(name), want), qt.Commentf("%s", name))
	}
}

func TestLookup(t *testing.T) {
	all, err := Lookup()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(all, len(Matrix)))
	_, err = Lookup("6.12", "2.4")
	qt.Assert(t, qt.ErrorMatches(err, `unknown kernel "2.4": one of 5.10, .*`))
}
