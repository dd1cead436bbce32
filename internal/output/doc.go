// Package output writes the events of a command as table, JSON Lines or CSV, all from one table of fields.
//
// A command describes its event once, as a []Field: name, type, one sentence of documentation and a function that reads
// the value from the event. That table is all that [NewJSON] and [NewCSV] need; [Schema] makes a JSON Schema of it and
// [ManFields] the FIELDS section of the man page, so that code, schema and manual cannot drift apart. The classic bcc
// columns are a view of the same fields: [NewTable] takes a []Column beside them.
//
//	fields := []output.Field[event]{
//		{Name: "time", Type: output.TypeTime, Doc: "When the call returned.",
//			Get: func(e *event) output.Value { return output.Time(e.time) }},
//		…
//		{Name: "path", Type: output.TypeBytes, Doc: "The file as the caller named it.",
//			Get: func(e *event) output.Value { return output.Bytes(e.path) }},
//	}
//	w := output.NewJSON(os.Stdout, "filesnoop", fields)
//	err := w.Event(&e) // any number of times
//	err = w.Flush()    // when the ring is drained, and at the latest every 100 ms
//
// # Hostile text
//
// Names, arguments and paths belong to the adversary. Whatever they contain, one event is one line and no control
// character reaches the terminal. Nothing that a command writes through this package can bypass that: fields yield a
// [Value], columns write into a [Cell], and both escape whatever they are given; but for an object that a command has
// encoded itself ([JSON]), whose texts it must write with [AppendJSON]. For messages of its own, on stderr for
// instance, a command has [AppendEscaped] and [AppendQuoted].
//
// The table is made for eyes, and as in bcc a backslash in the text is not doubled: a name that contains the two
// characters \n looks like one that contains a newline. CSV has the same property. JSON is the form without ambiguity:
// it even carries bytes that are not UTF-8, in <field>_b64 beside the text.
//
// # Cost
//
// Writers append to one buffer that they keep; an event costs no allocation. Values are built by [Int], [Bytes] and so
// on without one, too, and refer to the memory they were given until Event returns.
package output
