package text

import (
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "Fix the build", "Fix the build"},
		{"any script", "修复 構建 é ñ שלום", "修复 構建 é ñ שלום"},
		{"escape sequence", "a\x1b[31mred\x1b]0;title\x07b", "aredb"},
		{"sequence ended by ST", "a\x1bP1$q\x1b\\b", "ab"},
		{"sequence without an end", "a\x1b]0;title", "a]0;title"},
		{"sequence cut by another", "a\x1b]0;ti\x1b[2Jtle", "a]0;title"},
		{"escape of one letter", "a\x1bgood", "agood"},
		{"escape at the end", "a\x1b", "a"},
		{"line breaks", "a\r\nb\nc\td\u2028e", "a b c d e"},
		{"C1", "a\u009b31mb", "a31mb"},
		{"raw C1 byte", "a\x9b31mb", "a\ufffd31mb"},
		{"bidi override", "a\u202egpj.exe\u2066b", "agpj.exeb"},
		{"zero width", "a\u200bb\ufeffc", "abc"},
		{"tag characters", "a\U000e0041b", "ab"},
		{"joined emoji", "👩\u200d💻", "👩\u200d💻"},
		{"joiner in text", "a\u200db", "ab"},
		{"private use", "a\ue000b", "ab"},
		{"invalid", "a\xffb", "a\ufffdb"},
		{"DEL and NUL", "a\x7fb\x00c", "abc"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Clean(tc.in); got != tc.want {
				t.Errorf("Clean(%q) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[31m\u202e\x9b")
	f.Add("👩\u200d💻\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) {
			t.Fatalf("%q is no UTF-8", got)
		}
		for _, r := range got {
			if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Fatalf("%q holds %U", got, r)
			}
		}
		if again := Clean(got); again != got {
			t.Fatalf("cleaning twice: %q, then %q", got, again)
		}
	})
}
