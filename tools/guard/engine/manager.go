// Package engine enforces policies in the kernel's security hooks.
//
// A [Manager] owns the programs. Hooks are attached one by one, or all that a set of
// policies needs; policies are added and removed while it runs, without a moment
// between the old and the new; and what they deny arrives as [Alert]s:
//
//	m, err := engine.New(engine.Options{})
//	...
//	defer m.Close()
//	bind, err := m.Attach(engine.SocketBind)
//	...
//	err = m.Add(policies...)
//	for alert := range bind {
//		fmt.Println(alert.Process.Exe, alert.Object.Addr)
//	}
//
// A policy that would need a hook that is not attached is refused: a fence with holes
// is not what it says. See package policy for what policies can say.
package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// Options say how a manager works. The zero value is a good one.
type Options struct {
	BTF    string // file with the kernel's type information, where it has none
	Buffer uint32 // bytes of the ring for alerts, a power of two; 0 for 1 MiB
}

const defaultBuffer = 1 << 20

// Manager owns the programs, the policies in force and the stream of alerts.
type Manager struct {
	object   *bpfObject
	host     *host
	key      [2]uint64
	attached map[string]*attachment
	bits     *bits

	mu       sync.Mutex
	control  controlBlock
	policies []*policy.Policy
	self     *policy.Policy // of Protect, nil before
	status   Status
	pinned   string             // directory of our pins, "" for none
	claim    *claim             // on the directory above it
	tables   map[uint32]*tables // by revision, the last few

	follower *follower
	failed   error
	ending   chan struct{} // closed by Close
	followed chan struct{} // closed when nobody follows files any more

	alerts   chan Alert
	channels []chan Alert // of hooks, closed when the last alert was handed out
	cancel   context.CancelFunc
	done     chan error
}

// New loads the maps and sees that this kernel runs programs of security hooks, and
// obeys them. It returns an error that wraps a [preflight.MissingFeature] where it
// does not. Nothing is attached yet.
func New(o Options) (*Manager, error) {
	key, err := newHashKey()
	if err != nil {
		return nil, err
	}
	if o.Buffer == 0 {
		o.Buffer = defaultBuffer
	}
	object, err := openObject(key, o)
	if err != nil {
		return nil, err
	}
	m := &Manager{
		object: object, key: key, attached: make(map[string]*attachment), bits: newBits(),
		tables: make(map[uint32]*tables), alerts: make(chan Alert, 256), done: make(chan error, 1),
		ending: make(chan struct{}), followed: make(chan struct{}),
	}
	if m.host, err = openHost(object); err != nil {
		return nil, errors.Join(err, object.close())
	}
	m.control = controlBlock{Agent: m.host.tgid, AgentStarted: m.host.started, InitialMntns: m.host.initialMntns}
	if err := m.writeControl(); err != nil {
		return nil, errors.Join(err, m.host.close(), object.close())
	}
	if m.follower, err = newFollower(); err != nil {
		return nil, errors.Join(err, m.host.close(), object.close())
	}
	if err := m.read(); err != nil {
		return nil, errors.Join(err, m.host.close(), object.close())
	}
	go m.follow()
	return m, nil
}

func (m *Manager) writeControl() error {
	if err := m.object.maps.Maps["control"].Put(uint32(0), m.control); err != nil {
		return fmt.Errorf("write control: %w", err)
	}
	return nil
}

// Attach puts the program of a hook in its place and returns the alerts that come
// from it. Attaching twice is attaching once.
func (m *Manager) Attach(h Hook) (<-chan Alert, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(hooks[1:], h) {
		return nil, fmt.Errorf("no program for the hook %q", string(h))
	}
	if !m.object.has(string(h)) {
		return nil, &preflight.MissingFeature{Feature: "the security hook " + string(h), Fix: "guard check --probe tells what this kernel covers"}
	}
	a, err := m.attach(string(h))
	if err != nil {
		return nil, err
	}
	if a.alerts == nil {
		a.alerts = make(chan Alert, 64)
		m.channels = append(m.channels, a.alerts)
	}
	return a.alerts, nil
}

// Detach takes the program of a hook away. It fails where an enforced policy needs it.
func (m *Manager) Detach(h Hook) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	all, self := m.inForce(m.policies)
	needs := m.kernel().Hooks(enforced(policy.Needs(all)))
	if self != nil {
		needs = append(needs, switchProgram)
	}
	for _, need := range needs {
		if need == string(h) {
			return fmt.Errorf("detach from the hook %s: a policy that is enforced needs it", h)
		}
	}
	if err := m.unpinLink(string(h)); err != nil {
		return err
	}
	return m.detach(string(h))
}

// Alerts returns all alerts, of hooks whose own channel nobody has asked for. It is
// closed with the manager.
func (m *Manager) Alerts() <-chan Alert { return m.alerts }

// kernel is what this kernel has, and we have a program for.
func (m *Manager) kernel() policy.Kernel {
	return policy.Kernel{Name: preflight.Release(), HasHook: func(name string) bool {
		return slices.Contains(hooks[1:], Hook(name)) && m.object.has(name)
	}}
}

func enforced(needs []policy.Need) (list []policy.Need) {
	for _, n := range needs {
		if n.Enforced() {
			list = append(list, n)
		}
	}
	return list
}

// Add puts policies in force, beside those that are. One of the same name is replaced.
func (m *Manager) Add(policies ...*policy.Policy) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.Clone(m.policies)
	for _, p := range policies {
		i := slices.IndexFunc(all, func(o *policy.Policy) bool { return o.Name == p.Name })
		if i < 0 {
			all = append(all, p)
		} else {
			all[i] = p
		}
	}
	return m.set(all)
}

// Remove takes the policies of these names out of force.
func (m *Manager) Remove(names ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(m.policies), func(p *policy.Policy) bool { return slices.Contains(names, p.Name) })
	if len(all) != len(m.policies)-len(names) {
		return fmt.Errorf("remove policies: not all of %s are in force", strings.Join(names, ", "))
	}
	return m.set(all)
}

// Set puts these policies in force and no others, at one moment.
func (m *Manager) Set(policies ...*policy.Policy) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set(policies)
}

// AttachFor attaches every hook that the policies need and this kernel has.
func (m *Manager) AttachFor(policies ...*policy.Policy) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.attachAll(m.kernel().Hooks(policy.Needs(policies)))
}

// Close detaches all programs: nothing is denied any more. What is pinned stays in
// force, for our process as for all others.
func (m *Manager) Close() error {
	close(m.ending)
	errs := []error{m.follower.fd.Close()}
	<-m.followed
	m.mu.Lock()
	if m.pinned != "" {
		m.control.Agent = 0
		errs = append(errs, m.writeControl())
	}
	for p := range m.attached {
		errs = append(errs, m.detach(p))
	}
	m.mu.Unlock()
	m.cancel()
	errs = append(errs, <-m.done, m.host.close())
	if m.claim != nil { // from now on another may take over
		errs = append(errs, m.claim.close())
	}
	for _, c := range m.channels {
		close(c)
	}
	return errors.Join(append(errs, m.object.close())...)
}
