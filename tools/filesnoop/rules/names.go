package rules

import (
	"path"
	"strings"
)

// set makes a set of words.
func set(words string) map[string]bool {
	out := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}

// familiar are endings of what programs make in place of other files in good faith:
// compressors, backups, converters.
var familiar = set(`.gz .xz .zst .bz2 .lz4 .lzma .Z .z .lz .zip .br .lzo .7z .rar .sz .lrz .bz3 .tgz .txz
	.bak .old .orig .save .tmp .new .swp .part .prev .copy ~
	.jpg .jpeg .png .gif .webp .heic .avif .jxl .svg .bmp .tif .tiff .mp3 .flac .ogg .opus .m4a .aac .wav .mp4 .mkv .webm .avi .mov
	.pdf .html .htm .txt .md .rst .tex .doc .docx .odt .rtf .csv .tsv .json .xml .yaml .yml .parquet .epub
	.o .a .so .d .s .i .c .h .cc .cpp .go .py .pyc .js .ts .map .css .class .jar .obj .lo .ko .cmd`)

// isFamiliar reports whether a suffix or an ending is one of those, or a number.
func isFamiliar(suffix string) bool {
	last := suffix[max(0, strings.LastIndexByte(suffix, '.')):]
	return familiar[last] || strings.Trim(last, ".~-_0123456789") == ""
}

// notes are endings of files that people read.
var notes = []string{".txt", ".html", ".htm", ".hta", ".md", ".rtf", ".pdf", ".url"}

// isNote reports whether a file of that name is for people to read.
func isNote(name string) bool {
	lower := strings.ToLower(name)
	for _, end := range notes {
		if strings.HasSuffix(lower, end) {
			return true
		}
	}
	return !strings.Contains(strings.TrimPrefix(lower, "."), ".") && (strings.Contains(lower, "readme") || strings.Contains(lower, "restore") ||
		strings.Contains(lower, "recover") || strings.Contains(lower, "decrypt") || strings.Contains(lower, "ransom"))
}

// separators begin a suffix.
const separators = ".-_~+@#"

// stems calls use for every way to split the name of a path into a stem and a
// suffix: a.txt.aes is a.txt and .aes, or a and .txt.aes.
func stems(p string, use func(stem, suffix string)) {
	base := len(p) - len(path.Base(p))
	for i := len(p) - 1; i > base; i-- {
		if strings.IndexByte(separators, p[i]) >= 0 {
			use(p[:i], p[i:])
		}
	}
}

// splits are the stems of a path with their suffixes.
func splits(p string) map[string]string {
	out := make(map[string]string)
	stems(p, func(stem, suffix string) { out[stem] = suffix })
	return out
}

// suffixOf is what to has behind from, if that is a suffix.
func suffixOf(from, to string) (string, bool) {
	suffix, ok := strings.CutPrefix(to, from)
	return suffix, ok && suffix != "" && strings.IndexByte(separators, suffix[0]) >= 0 && !strings.Contains(suffix, "/")
}
