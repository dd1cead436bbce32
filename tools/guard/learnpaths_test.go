package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// patternsOf is what paths are collapsed to, as text.
func patternsOf(th thresholds, paths ...string) string {
	var all []string
	for _, p := range sorted(th.collapse(paths)) {
		all = append(all, p.String())
	}
	return strings.Join(all, " ")
}

func TestCollapse(t *testing.T) {
	th := usual().limits
	files := func(format string, n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf(format, i))
		}
		return all
	}
	for _, test := range []struct {
		what  string
		paths []string
		want  string
	}{
		{"nothing", nil, ""},
		{"a file", []string{"/etc/hosts"}, "/etc/hosts"},
		{"the same twice", []string{"/etc/hosts", "/etc/hosts"}, "/etc/hosts"},
		{"four files", files("/srv/f%d", 4), "/srv/f0 /srv/f1 /srv/f2 /srv/f3"},
		{"five files", files("/srv/f%d", 5), "/srv/*"},
		{"five files and their directory", append(files("/srv/f%d", 5), "/srv"), "/srv /srv/*"},
		{"three directories", files("/srv/%d/x", 3), "/srv/0/x /srv/1/x /srv/2/x"},
		{"four directories", files("/srv/%d/x", 4), "/srv/**"},
		{"four directories, and itself", append(files("/srv/%d/x", 4), "/srv"), "/srv/**"},
		{"deep", files("/srv/a/b/%d/x", 4), "/srv/a/b/**"},
		{"files and a directory of files", append(files("/srv/f%d", 5), files("/srv/d/f%d", 5)...), "/srv/* /srv/d/*"},
		{"a file that is a directory too", []string{"/srv/d", "/srv/d/x"}, "/srv/d /srv/d/x"},
		{"never the root", files("/f%d", 99), strings.Join(strings.Fields(patternsOf(th, files("/f%d", 99)...)), " ")},
		{"nor all below it", files("/d%d/x", 5), "/d0/x /d1/x /d2/x /d3/x /d4/x"},
		{"the root itself", []string{"/"}, "/"},
		{"processes", []string{"/proc/17/stat", "/proc/cpuinfo"}, "/proc/**"},
		{"no process", []string{"/proc/cpuinfo", "/proc/sys/kernel/x"}, "/proc/cpuinfo /proc/sys/kernel/x"},
		{"the directory of a process", []string{"/proc/17"}, "/proc/**"},
		{"a name with a star", []string{"/srv/a*b", "/srv/c"}, "/srv/*"},
		{"a directory with a star", []string{"/srv/a*b/c", "/srv/c"}, "/srv/**"},
		{"bytes", []string{"/srv/\xff"}, "/srv/*"},
		{"a name that means something else", []string{"/srv/**"}, "/srv/*"},
		{"brackets", []string{"/usr/bin/["}, "/usr/bin/["},
		{"brackets with something in them", []string{"/usr/bin/[a]"}, "/usr/bin/*"},
	} {
		qt.Check(t, qt.Equals(patternsOf(th, test.paths...), test.want), qt.Commentf("%s", test.what))
	}
	qt.Check(t, qt.Equals(strings.Count(patternsOf(th, files("/f%d", 99)...), " "), 98))
	qt.Check(t, qt.Equals(patternsOf(thresholds{files: 2, dirs: 2}, "/a/1", "/a/2"), "/a/*"))
	qt.Check(t, qt.Equals(patternsOf(thresholds{files: 2, dirs: 2}, "/a/1/x", "/a/2/x"), "/a/**"))
}
