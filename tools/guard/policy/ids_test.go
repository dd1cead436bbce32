package policy

import (
	"errors"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestResolveIDs(t *testing.T) {
	const rules = `
subjects: {web: {uid: www}, box: {uid: [7, nobody]}}
rules:
  - {id: a, subject: web, action: deny, setuid: {to: root}}
  - {id: b, subject: web, action: deny, setuid: {to: wheel, via: setgid}}
  - {id: c, subject: web, action: deny, setuid: {to: [root, www], via: [setuid, setgid]}}
`
	policies := parse(t, rules)
	op := Operation{Task: Task{UID: 0}, Class: ClassSetuid, Via: ViaSetuid, IDs: []uint32{0}}
	// Who is not resolved is nobody, and not root.
	qt.Check(t, qt.Equals(outcome(Explain(policies, op)), "allow"))

	lookup := func(ids map[string]uint32) func(string) (uint32, error) {
		return func(name string) (uint32, error) {
			if id, ok := ids[name]; ok {
				return id, nil
			}
			return 0, errors.New("nobody is called " + name)
		}
	}
	err := ResolveIDs(policies, lookup(map[string]uint32{"www": 33, "root": 0}), lookup(map[string]uint32{"wheel": 10, "root": 0, "www": 34}))
	qt.Check(t, qt.Equals(err.Error(), "p:5:44: nobody is called nobody\n"+
		`p:9:61: "www" is a user and a group of different ids, and the rule is about both; write a rule for each`))
	p := policies[0]
	qt.Check(t, qt.IsTrue(p.Subjects[0].UID[0].contains(33)))
	qt.Check(t, qt.IsFalse(p.Subjects[1].UID[1].contains(0)))
	qt.Check(t, qt.IsTrue(p.Rules[0].Setuid.To[0].contains(0)))
	qt.Check(t, qt.IsTrue(p.Rules[1].Setuid.To[0].contains(10)))
	qt.Check(t, qt.IsTrue(p.Rules[2].Setuid.To[0].contains(0)))
	op.Task.UID = 33
	qt.Check(t, qt.Equals(outcome(Explain(policies, op)), "deny a"))
}
