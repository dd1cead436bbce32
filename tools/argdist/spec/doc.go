// Package spec reads a specifier of argdist into a tree:
//
//	{p|r|t|u}:{library|category}:function(signature)[:types:exprs[:filter]][#label]
//
// Only the text is looked at here. What names mean, and whether the expressions
// fit together, is for package check. Every part remembers where in the text it
// was, so that whoever finds something wrong with it can point at it: see [Error].
//
// In C, what (a)-b means depends on whether a is a type. The parser asks who
// calls it, who knows the types of the kernel.
package spec

// Limits of a specifier, which someone may take from anywhere.
const (
	maxText  = 64 << 10 // bytes
	maxDepth = 100      // of parentheses and operators within each other
)
