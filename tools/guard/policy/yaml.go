package policy

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The bounds of a file. The parser of the library recurses, and takes time that
// grows with the square of the keys in a mapping and of the documents in a file, so
// all of them are counted in the tokens, before it runs.
const (
	maxFile      = 4 << 20 // bytes
	maxTokens    = 1 << 19 // texts and signs between them; ten thousand rules have half of it
	maxDepth     = 16      // collections in one another
	maxKeys      = 4096    // of one mapping
	maxDocuments = 256     // of one file
)

// documents returns the documents of a file, or none after an error.
func (d *decoder) documents(data []byte) (docs []*ast.DocumentNode) {
	// The library is not ours and the bytes are hostile.
	defer func() {
		if recover() != nil {
			d.add(d.at(1, 1), "not YAML: the parser cannot read this file")
			docs = nil
		}
	}()
	if len(data) > maxFile {
		d.add(d.at(1, 1), "the file has more than %d bytes", maxFile)
		return nil
	}
	if line, column, ok := badByte(data); !ok {
		d.add(d.at(line, column), "a byte that is no UTF-8 text; policy files are UTF-8 without control characters")
		return nil
	}
	// The library counts a carriage return as a column.
	tokens := lexer.Tokenize(strings.ReplaceAll(string(data), "\r\n", "\n"))
	if !d.bounded(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil
	}
	if d.tags {
		afterTags(tokens)
	}
	return file.Docs
}

// afterTags corrects columns: the library counts one too few behind every tag of a line.
func afterTags(tokens token.Tokens) {
	line, tags := 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, tags = t.Position.Line, 0
		}
		t.Position.Column += tags
		if t.Type == token.TagType {
			tags++
		}
	}
}

// syntax adds an error of the library, which knows the token where it was noticed. Its
// Error method would print all of the file, in time that grows with the square.
func (d *decoder) syntax(err error) {
	pos, message := d.at(1, 1), "the parser cannot read this file"
	if e, ok := err.(interface {
		GetToken() *token.Token
		GetMessage() string
	}); ok {
		message = e.GetMessage()
		if t := e.GetToken(); t != nil && t.Position != nil {
			pos = d.at(t.Position.Line, t.Position.Column)
		}
	}
	message, _, _ = strings.Cut(message, "\n")
	d.add(pos, "not YAML: %s", visible(message))
}

// badByte finds the first byte that cannot be in a policy, and says where it is.
func badByte(data []byte) (line, column int, ok bool) {
	line, column = 1, 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size <= 1, r == 0x7f, r == 0xfeff, r == 0x85, r == 0x2028, r == 0x2029,
			r < ' ' && r != '\n' && r != '\r' && r != '\t',
			r == '\r' && (len(data) < 2 || data[1] != '\n'):
			return line, column, false
		case r == '\n':
			line, column = line+1, 0
		}
		column++
		data = data[size:]
	}
	return 0, 0, true
}

// bounded refuses what a policy has no use for, and what would cost too much to parse.
func (d *decoder) bounded(tokens token.Tokens) bool {
	type level struct {
		column int // 0 in flow style
		keys   int
	}
	var (
		levels    []level
		documents = 1
	)
	if len(tokens) > maxTokens {
		t := tokens[maxTokens]
		d.add(d.at(t.Position.Line, t.Position.Column), "more than %d texts and signs in one file", maxTokens)
		return false
	}
	for i, t := range tokens {
		pos := d.at(t.Position.Line, t.Position.Column)
		block := t.Position.Column
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			d.add(pos, `no anchors and aliases in policies; a text that begins with * or & needs quotes, such as "*.key"`)
			return false
		case token.TagType:
			// A tag on a tag is another way to nest without end.
			if d.tags && (i+1 == len(tokens) || tokens[i+1].Type != token.TagType) {
				continue
			}
			fallthrough
		case token.DirectiveType, token.MappingKeyType:
			d.add(pos, "no tags, directives and ? keys in policies; a text that begins with !, %% or ? needs quotes")
			return false
		case token.DocumentHeaderType, token.DocumentEndType:
			if levels, documents = nil, documents+1; documents > maxDocuments {
				d.add(pos, "more than %d documents in one file", maxDocuments)
				return false
			}
			continue
		case token.SequenceStartType, token.MappingStartType:
			levels = append(levels, level{})
		case token.SequenceEndType, token.MappingEndType:
			if len(levels) > 0 && levels[len(levels)-1].column == 0 {
				levels = levels[:len(levels)-1]
			}
			continue
		case token.MappingValueType, token.SequenceEntryType:
			if t.Type == token.MappingValueType && i > 0 {
				block = tokens[i-1].Position.Column
			}
			if i > 0 && t.Type == token.SequenceEntryType && tokens[i-1].Type == t.Type && tokens[i-1].Position.Column < block {
				// The parser takes a square of their number.
				d.add(pos, "a list in a list; policies have none")
				return false
			}
			if len(levels) > 0 && levels[len(levels)-1].column == 0 {
				levels[len(levels)-1].keys++
				break
			}
			for len(levels) > 0 && levels[len(levels)-1].column > block {
				levels = levels[:len(levels)-1]
			}
			if len(levels) == 0 || levels[len(levels)-1].column < block {
				levels = append(levels, level{column: block})
			}
			if t.Type == token.MappingValueType {
				levels[len(levels)-1].keys++
			}
		default:
			continue
		}
		if len(levels) > maxDepth {
			d.add(pos, "more than %d lists and mappings in one another", maxDepth)
			return false
		}
		if levels[len(levels)-1].keys > maxKeys {
			d.add(pos, "more than %d keys in one mapping", maxKeys)
			return false
		}
	}
	return true
}
