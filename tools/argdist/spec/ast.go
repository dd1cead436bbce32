package spec

// Kind is the letter that a specifier begins with.
type Kind byte

const (
	Entry      Kind = 'p' // of a function
	Return     Kind = 'r'
	Tracepoint Kind = 't'
	USDT       Kind = 'u' // a static probe of a user program
)

// Spec is a specifier.
type Spec struct {
	Text    string // as given
	Kind    Kind
	Library Word // library, executable or path; category of a tracepoint; empty for the kernel
	Name    Word // of function, tracepoint or probe; may have * and ?
	// Params are what the parentheses say. Signed says that they are not empty.
	Params []Param
	Signed bool
	Types  []*TypeName // empty where they were left out
	Exprs  []Expr      // empty for the default
	Filter Expr        // nil for none
	Label  string      // "" for none
}

// Word is a piece of the text.
type Word struct {
	Text string
	Range
}

// Param is a parameter in a signature. Without Type it is a name for whatever is
// in its place; without Name it only takes the place.
type Param struct {
	Name string
	Type *TypeName
	Range
}

// TypeName is a type as it is written.
type TypeName struct {
	Tag  string // "struct", "union", "enum" or ""
	Name string // "unsigned long" in the order of the text, "sock", "u64"
	// Stars counts the pointers behind it.
	Stars int
	User  bool // __user was said
	Range
}

// Expr is an expression: one of *Number, *String, *Name, *Variable, *Unary,
// *Binary, *Cond, *Paren, *Cast, *Member, *Index, *Call and *Sizeof.
type Expr interface{ Span() Range }

type (
	// Number is a literal, characters included.
	Number struct {
		Value    uint64
		Unsigned bool // u
		Long     bool // l, ll
		Decimal  bool // C has other types for decimal literals than for hexadecimal ones
		Char     bool // in single quotes; its value has a sign
		Range
	}
	// String is a literal.
	String struct {
		Value string
		Range
	}
	// Name is a parameter, an enumeration's constant, a macro, args or ctx.
	Name struct {
		Name string
		Range
	}
	// Variable is one of ours. Arg is what $entry has in parentheses.
	Variable struct {
		Name string // without the $
		Arg  *Name
		Range
	}
	// Unary is an operator before its operand: - + ~ ! * &.
	Unary struct {
		Op string
		X  Expr
		Range
	}
	// Binary is an operator between two operands.
	Binary struct {
		Op   string
		X, Y Expr
		At   Range // of the operator
		Range
	}
	// Cond is If ? Then : Else.
	Cond struct {
		If, Then, Else Expr
		Range
	}
	// Paren is (x), kept for its place in the text.
	Paren struct {
		X Expr
		Range
	}
	// Cast is (type)x.
	Cast struct {
		Type *TypeName
		X    Expr
		Range
	}
	// Member is x.name or x->name.
	Member struct {
		X     Expr
		Name  Word
		Arrow bool
		Range
	}
	// Index is x[i].
	Index struct {
		X, I Expr
		Range
	}
	// Call is one of the few functions that there are.
	Call struct {
		Func Word
		Args []Expr
		Range
	}
	// Sizeof is sizeof of a type, or of an expression where Type is nil.
	Sizeof struct {
		Type *TypeName
		X    Expr
		Range
	}
)

// Source is the text of a piece, without space around it.
func (s *Spec) Source(r Range) string { return s.Text[r.Pos:r.End] }
