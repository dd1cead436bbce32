package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// SelfPolicy is the name of the policy that is in force beside others. Where a policy
// is enforced, its rule "switch" is: kernel.ftrace_enabled at 0 takes all programs off
// the security hooks. [Manager.Protect] adds the others.
const SelfPolicy = "self-protect"

// switchProgram sees that the switch is used, beside what it decides about files.
const switchProgram = string(FileOpen)

// selfPrograms see what is done to guard.
var selfPrograms = []string{"task_kill", "ptrace_access_check", "bpf_map", "bpf_prog", switchProgram}

// selfOperations are the rules of the policy that are about no file and no mount, by id.
var selfOperations = map[string]int{
	"signal": isSelfSignal, "trace": isSelfTrace, "map": isSelfMap, "program": isSelfProgram, switchRule: isSelfSwitch,
}

const switchRule = "switch"

// switchPolicy is what is in force without Protect.
var switchPolicy = denyAll(&policy.Rule{ID: switchRule})

// Protect keeps what enforces the policies from being taken away, by root too: signals
// to this process and tracing it, descriptors of the programs and their maps, writing to
// this program's file, and, where they are pinned, the pins. Who executes this program as root of the machine may do all
// of it, and so may process 1 and the kernel. The kernel can end this process without a
// signal from anybody, as out-of-memory or through a cgroup: pin first.
func (m *Manager) Protect() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	self, err := selfPolicy(m.pinned)
	if err != nil {
		return err
	}
	if err := m.object.claim(); err != nil {
		return err
	}
	m.self = self
	programs := slices.Concat(m.kernel().Hooks(policy.Needs([]*policy.Policy{self})), selfPrograms)
	if err := m.attachAll(programs); err != nil {
		return err
	}
	return m.set(m.policies)
}

// inForce are the policies with the one that protects us, if there is one.
func (m *Manager) inForce(policies []*policy.Policy) (all []*policy.Policy, self *policy.Policy) {
	self = m.self
	if self == nil && len(enforced(policy.Needs(policies))) > 0 {
		self = switchPolicy
	}
	if self == nil {
		return policies, nil
	}
	return append(policies[:len(policies):len(policies)], self), self
}

// selfPolicy is the policy that protects us, and what is pinned in a directory.
func selfPolicy(pinned string) (*policy.Policy, error) {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, fmt.Errorf("find our own program: %w", err)
	}
	change := policy.Write | policy.Create | policy.Delete | policy.Attr
	rules := []*policy.Rule{{ID: "executable", File: &policy.File{Paths: exactly(exe), Access: change}}}
	if pinned != "" {
		dir := filepath.Dir(pinned)
		rules = append(rules,
			&policy.Rule{ID: "pins", File: &policy.File{Paths: []policy.Pattern{{Kind: policy.Subtree, Path: dir}}, Access: change}},
			// From whatever mount namespace: it may spread to others. The root of one is
			// unmounted by everybody who makes a container.
			&policy.Rule{ID: "umount", Identity: policy.ByPath, Mount: &policy.Mount{Ops: policy.MountUmount, Targets: exactly(above(dir)...)}},
			&policy.Rule{ID: "umount", Identity: policy.ByPath, View: policy.ViewHost, Mount: &policy.Mount{Ops: policy.MountUmount, Targets: exactly("/")}})
	}
	for id := range selfOperations {
		rules = append(rules, &policy.Rule{ID: id})
	}
	return denyAll(rules...), nil
}

// denyAll is the policy of some rules that deny all tasks.
func denyAll(rules ...*policy.Rule) *policy.Policy {
	for _, r := range rules {
		r.Action = policy.Deny
		r.Subject.Any = []policy.Text{{S: policy.SubjectAll}}
	}
	return &policy.Policy{Name: SelfPolicy, Mode: policy.Enforce, OnUnresolved: policy.Allow, Rules: rules}
}

func exactly(paths ...string) (all []policy.Pattern) {
	for _, p := range paths {
		all = append(all, policy.Pattern{Kind: policy.Exact, Path: p})
	}
	return all
}

// above are a directory and those that it is in, but for the root.
func above(dir string) (all []string) {
	for ; dir != "/"; dir = filepath.Dir(dir) {
		all = append(all, dir)
	}
	return all
}

// self compiles the rules that no policy of a file can have.
func (c *compiler) self(p *part) {
	if c.selfPolicy == nil || p.policy != c.selfPolicy {
		return
	}
	if op, ok := selfOperations[p.rule.ID]; ok {
		c.concern(p, kindSelf)
		c.addSpecial(p, c.simpleEntry([]*part{p}), op)
	}
	if own, ok := c.host.self(); ok && p.rule.ID == "executable" {
		// By its path it is found where that is the host's; in a container only so.
		o := object{inode: c.inode(spaceFile, own), which: exact}
		if f := c.at(o); !slices.Contains(f.parts, p) {
			f.add(p, fileKindsOf(p.rule.File.Access), policy.AnyOwner)
		}
	}
}

// claim notes all maps and programs as ours, and from now on those that are made.
func (o *bpfObject) claim() error {
	o.claims = true
	for _, m := range o.maps.Maps {
		if err := o.claimMap(m); err != nil {
			return err
		}
	}
	for name := range o.inner {
		for slot := range uint32(slots) {
			id, err := o.tableID(table{name, slot})
			if err == nil && id != 0 {
				err = o.note(ownMap, id)
			}
			if err != nil {
				return err
			}
		}
	}
	for _, p := range o.programs {
		if err := o.claimProgram(p); err != nil {
			return err
		}
	}
	return nil
}

func (o *bpfObject) note(kind, id uint32) error {
	if err := o.maps.Maps["own"].Put(ownKey{kind, id}, uint32(1)); err != nil {
		return fmt.Errorf("note what is ours: %w", err)
	}
	return nil
}

func (o *bpfObject) claimMap(m *ebpf.Map) error {
	info, err := m.Info()
	if err != nil {
		return fmt.Errorf("find the id of a map: %w", err)
	}
	id, _ := info.ID()
	return o.note(ownMap, uint32(id))
}

func (o *bpfObject) claimProgram(p *ebpf.Program) error {
	info, err := p.Info()
	if err != nil {
		return fmt.Errorf("find the id of a program: %w", err)
	}
	id, _ := info.ID()
	return o.note(ownProgram, uint32(id))
}

// disown forgets a map that is gone.
func (o *bpfObject) disown(id uint32) error {
	if err := o.maps.Maps["own"].Delete(ownKey{ownMap, id}); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("forget what was ours: %w", err)
	}
	return nil
}

// tableID is the id of the map that is in a slot, 0 for none.
func (o *bpfObject) tableID(at table) (id uint32, err error) {
	err = o.maps.Maps[at.name].Lookup(at.slot, &id)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for table %s: %w", at.name, err)
	}
	return id, nil
}
