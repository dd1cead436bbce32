package policy

// viaUser and viaGroup are the ways that lead to a user's id, and to a group's.
const (
	viaUser  = ViaSetuid | ViaExec | ViaUserns | ViaCapset
	viaGroup = ViaSetgid | ViaSetgroups
)

// ResolveIDs looks up the names of users and groups in the policies, and puts their ids
// there. Names that are not known here go on being nobody's; they are the error, of type
// [Errors].
func ResolveIDs(policies []*Policy, user, group func(name string) (uint32, error)) error {
	var errs Errors
	resolve := func(r *IDRange, users, groups bool) {
		if r.Name == "" {
			return
		}
		var (
			ids  [2]uint32
			errU error
			errG error
		)
		if users {
			ids[0], errU = user(r.Name)
		}
		if groups {
			ids[1], errG = group(r.Name)
		}
		switch {
		case errU != nil:
			errs = append(errs, &Error{r.Pos, visible(errU.Error())})
		case errG != nil:
			errs = append(errs, &Error{r.Pos, visible(errG.Error())})
		case users && groups && ids[0] != ids[1]:
			errs = append(errs, &Error{r.Pos, quote(r.Name) +
				" is a user and a group of different ids, and the rule is about both; write a rule for each"})
		case users:
			r.First, r.Last = ids[0], ids[0]
		default:
			r.First, r.Last = ids[1], ids[1]
		}
	}
	for _, p := range policies {
		for _, s := range p.Subjects {
			for i := range s.UID {
				resolve(&s.UID[i], true, false)
			}
		}
		for _, r := range p.Rules {
			if r.Setuid == nil {
				continue
			}
			for i := range r.Setuid.To {
				resolve(&r.Setuid.To[i], r.Setuid.Via&viaUser != 0, r.Setuid.Via&viaGroup != 0)
			}
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errs
}
