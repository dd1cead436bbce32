package process

// Containers turns names of cgroup directories into container ids and
// remembers the answers: there are few, and many events of each.
type Containers struct{ ids map[string]string }

// maxContainers bounds the memory of Containers on a machine where containers
// come and go for months.
const maxContainers = 1 << 14

// NewContainers returns an empty memory.
func NewContainers() *Containers { return &Containers{ids: make(map[string]string)} }

// ID returns the container id in the name of a cgroup directory, or "".
func (c *Containers) ID(name []byte) string {
	if len(name) == 0 {
		return ""
	}
	id, ok := c.ids[string(name)]
	if !ok {
		if len(c.ids) >= maxContainers {
			clear(c.ids)
		}
		id = ContainerID(string(name))
		c.ids[string(name)] = id
	}
	return id
}
