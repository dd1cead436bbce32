package process

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestContainers(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	c := NewContainers()
	for range 2 { // asked, and remembered
		qt.Check(t, qt.Equals(c.ID([]byte("docker-"+id+".scope")), id))
		qt.Check(t, qt.Equals(c.ID([]byte("crio-conmon-"+id+".scope")), ""))
		qt.Check(t, qt.Equals(c.ID([]byte(id[1:]+"g")), ""))
		qt.Check(t, qt.Equals(c.ID(nil), ""))
	}
	qt.Check(t, qt.HasLen(c.ids, 3))
}

func TestContainersBound(t *testing.T) {
	c := NewContainers()
	for i := range maxContainers + 10 {
		id := fmt.Sprintf("%064x", i)
		qt.Assert(t, qt.Equals(c.ID([]byte(id)), id))
	}
	qt.Check(t, qt.IsTrue(len(c.ids) <= maxContainers))
}

func TestContainersAllocate(t *testing.T) {
	c := NewContainers()
	name := []byte("docker-" + strings.Repeat("0123456789abcdef", 4) + ".scope")
	c.ID(name)
	qt.Check(t, qt.Equals(testing.AllocsPerRun(100, func() { c.ID(name) }), 0))
}
