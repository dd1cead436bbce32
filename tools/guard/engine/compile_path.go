package engine

import (
	"slices"

	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// object is a place in the tables of paths or, where path is zero, of files.
type object struct {
	path  pathKey
	inode inodeKey
	which uint8 // exact, children, subtree
	view  uint8 // of a path
}

// What is matched of a path.
const (
	exact = iota
	children
	subtree
)

// Views.
const (
	inAny = iota
	inInitial
)

// viewOf is where the path of a rule counts.
func viewOf(r *policy.Rule) int {
	switch {
	case r.View == policy.ViewTask, r.View == policy.ViewStrict && r.Action == policy.Deny:
		return inAny
	}
	return inInitial
}

// places are where a pattern has to be looked for: by the path as it is written, by
// what that leads to, and by the file that is there now.
func (c *compiler) places(space uint32, p policy.Pattern, view int, identity policy.Identity) (all []object) {
	name := func(part uint32, text string) object {
		return object{path: pathKey{Space: space, Part: part, Hash: hashName(c.key, text)}, view: uint8(view)}
	}
	switch p.Kind {
	case policy.Name:
		c.generation.Flags |= hasNames
		return []object{name(partName, p.Path)}
	case policy.Suffix:
		c.generation.Flags |= hasSuffixes
		return []object{name(partSuffix, p.Path)}
	}
	which := map[policy.PatternKind]uint8{policy.Exact: exact, policy.Children: children, policy.Subtree: subtree}[p.Kind]
	path := func(text string) object {
		return object{path: pathKey{Space: space, Part: partPath, Hash: hashPath(c.key, text)}, which: which, view: uint8(view)}
	}
	f, real, found, err := c.host.file(p.Path)
	if err != nil {
		c.problem(p.Pos, "%v", err)
		return nil
	}
	if identity != policy.ByInode {
		all = append(all, path(p.Path))
		if real != p.Path {
			all = append(all, path(real))
		}
	} else if !found {
		c.problem(p.Pos, "%s does not exist, and a rule by inode is about what does", p.Path)
	}
	if found && identity != policy.ByPath {
		all = append(all, object{inode: c.inode(space, f), which: which})
	}
	return all
}

// inode is the key of a file in a space.
func (c *compiler) inode(space uint32, f file) inodeKey {
	if f.subvolume != 0 {
		c.generation.Flags |= hasSubvolumes
	}
	return inodeKey{Space: space | f.subvolume<<8, Dev: f.dev, Ino: f.ino}
}

// ruled are the places of a pattern in a rule: of one that denies also the files that
// had its path before, and were moved away.
func (c *compiler) ruled(space uint32, p policy.Pattern, r *policy.Rule) []object {
	all := c.places(space, p, viewOf(r), r.Identity)
	if r.Action != policy.Deny || r.Identity == policy.ByPath || len(all) == 0 || p.Kind > policy.Subtree {
		return all
	}
	which := all[0].which
	for _, f := range c.host.before(p.Path) {
		o := object{inode: c.inode(space, f), which: which}
		if !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	return all
}

// found are the rules that an object finds, with effects for each kind of access, of
// files of others and of one's own.
type found struct {
	parts   []*part
	effects fileEffects
}

type fileEffects [fileKinds * 2]effect

func (c *compiler) at(o object) *found {
	f, ok := c.objects[o]
	if !ok {
		f = new(found)
		c.objects[o] = f
	}
	return f
}

func (f *found) add(p *part, kinds []int, owner policy.Owner) {
	f.parts = append(f.parts, p)
	f.effects.add(p, kinds, owner)
}

func (e *fileEffects) add(p *part, kinds []int, owner policy.Owner) {
	for _, k := range kinds {
		if owner != policy.OwnFile {
			e[k*2].affect(p)
		}
		if owner != policy.OtherFile {
			e[k*2+1].affect(p)
		}
	}
}

func fileKindsOf(a policy.Access) (list []int) {
	for kind, access := range []policy.Access{policy.Read, policy.Write, policy.Create, policy.Delete, policy.Attr} {
		if a&access != 0 {
			list = append(list, kind)
		}
	}
	return list
}

func (c *compiler) file(p *part) {
	f := p.rule.File
	if f == nil {
		return
	}
	list := fileKindsOf(f.Access)
	if f.OpenBefore && p.denies() {
		if f.Access&policy.Read != 0 {
			list = append(list, kindHeldRead)
		}
		if f.Access&policy.Write != 0 {
			list = append(list, kindHeldWrite)
		}
	}
	c.concern(p, list...)
	for _, pattern := range f.Paths {
		for _, o := range c.ruled(spaceFile, pattern, p.rule) {
			c.at(o).add(p, list, f.Owner)
		}
	}
}

func (c *compiler) exec(p *part) {
	e := p.rule.Exec
	if e == nil {
		return
	}
	list := []int{kindExec}
	if e.Loader {
		list = append(list, kindLoad)
	}
	c.concern(p, list...)
	fileless := e.Fileless
	for _, pattern := range e.Paths {
		// What has no name is below no directory; who denies all of them denies it too.
		fileless = fileless || p.denies() && pattern.Kind == policy.Subtree && pattern.Path == "/"
		for _, o := range c.ruled(spaceFile, pattern, p.rule) {
			c.at(o).add(p, list, policy.AnyOwner)
		}
	}
	var ops []int
	if fileless {
		ops = append(ops, isFileless)
	}
	if e.NoArgs {
		ops = append(ops, isNoArgs)
	}
	if len(ops) > 0 {
		var effects fileEffects
		effects.add(p, []int{kindExec}, policy.AnyOwner)
		c.addSpecial(p, c.addEntry(c.fileEffects(effects), []*part{p}), ops...)
	}
}

// fileEffects returns the index of effects, the same for the same effects.
func (c *compiler) fileEffects(e fileEffects) uint32 {
	if at, ok := c.effectAt[e]; ok {
		return at
	}
	at := c.addEffects(e[:]...)
	c.effectAt[e] = at
	return at
}

// putObjects writes what was gathered about paths and files.
func (c *compiler) putObjects() {
	for o, f := range c.objects {
		if o.space() == spaceFile {
			c.put(o, c.addEntry(c.fileEffects(f.effects), f.parts))
		} else {
			c.put(o, c.simpleEntry(f.parts))
		}
	}
	for o, s := range c.named {
		c.put(o, c.setID(s))
	}
}

func (o *object) space() uint32 {
	if o.path != (pathKey{}) {
		return o.path.Space
	}
	return o.inode.Space & 0xff
}

func (c *compiler) put(o object, id uint32) {
	if o.path != (pathKey{}) {
		ids := c.paths[o.path]
		*[]*uint32{&ids.Exact[o.view], &ids.Children[o.view], &ids.Subtree[o.view]}[o.which] = id
		c.paths[o.path] = ids
		return
	}
	ids := c.inodes[o.inode]
	*[]*uint32{&ids.Exact, &ids.Children, &ids.Subtree}[o.which] = id
	c.inodes[o.inode] = ids
}
