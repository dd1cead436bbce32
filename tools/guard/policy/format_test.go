package policy

import (
	"fmt"
	"os"
	"testing"

	"github.com/go-quicktest/qt"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// unplaced renames the subjects that are named after their places, in their order.
func unplaced(policies []*Policy) []*Policy {
	for _, p := range policies {
		names := make(map[string]string)
		for _, s := range p.Subjects {
			if s.Anonymous() {
				names[s.Name] = fmt.Sprintf(":%d", len(names))
				s.Name = names[s.Name]
			}
		}
		for _, r := range p.Rules {
			for _, list := range [][]Text{r.Subject.Any, r.Subject.Except} {
				for i := range list {
					if name, ok := names[list[i].S]; ok {
						list[i].S = name
					}
				}
			}
		}
	}
	return policies
}

var ignorePlaces = cmp.Options{cmpopts.IgnoreTypes(Position{}), cmp.Comparer(func(a, b Network) bool { return a.Prefix == b.Prefix })}

func roundTrip(t testing.TB, policies []*Policy) []byte {
	var text []byte
	for _, p := range policies {
		text = append(text, "---\n"...)
		text = append(text, Format(p)...)
	}
	again, err := Parse("formatted", text)
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", text))
	if diff := cmp.Diff(unplaced(policies), unplaced(again), ignorePlaces); diff != "" {
		t.Fatalf("read again: -want +got\n%s\n%s", diff, text)
	}
	return text
}

func TestFormat(t *testing.T) {
	policies, err := ParseFiles("testdata/full.yaml")
	qt.Assert(t, qt.IsNil(err))
	got := roundTrip(t, policies)
	const golden = "testdata/full.formatted.yaml"
	if os.Getenv("UPDATE") != "" {
		qt.Assert(t, qt.IsNil(os.WriteFile(golden, got, 0o644)))
	}
	want, err := os.ReadFile(golden)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(string(got), string(want)))
}

// Texts that are something else to YAML when they have no quotes.
func TestFormatTexts(t *testing.T) {
	for _, s := range []string{"true", "null", "~", "1e3", "0x1f", "010", "-", ".", "1.5", ".inf", "no", "a: b", "a #b", "'", `"`, `\`,
		"[", "{", "é", " x ", "*", "&a", "!a", "%", "@", "`", "|", ">", "?", "a,b", "<<", "=", "2001-01-01"} {
		p := parse(t, "rules: [{id: r, subject: all, action: deny, mount: {}}]")
		p[0].Rules[0].Message = s
		roundTrip(t, p)
	}
	for _, s := range []string{"/a b", "/a\nb", "/\x1b[2J", "/\u00a0", "/\U0001f600", "/\u2028", "/'", "/\"\\", "/a: b", "/a #", "/[", "/\x7f\x01\a\v"} {
		p := parse(t, "rules: [{id: r, subject: all, action: deny, file: {paths: /x}}]")
		p[0].Rules[0].File.Paths[0].Path = s
		roundTrip(t, p)
	}
}

func FuzzFormat(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		policies, err := Parse("p", data)
		if err != nil {
			return
		}
		roundTrip(t, policies)
	})
}
