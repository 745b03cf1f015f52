package logs

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestValidJSONAgreesWithTheLibrary(t *testing.T) {
	texts := []string{
		``, ` `, `{}`, `[]`, ` { } `, `[ ]`, `{"a":1}`, `{"a" : [1, 2.5, -0, 0, 1e9, -1.5E-3, 12e+4]}`, `{"a":{"b":[{"c":null}]}}`,
		`"x"`, `1`, `true`, `false`, `null`, `nul`, `truex`, `tru`, `{"a":}`, `{"a"}`, `{"a":1,}`, `[1,]`, `[,1]`, `{,}`, `{1:2}`, `[1 2]`,
		`{"a":1}}`, `{"a":1}]`, `[1}`, `{"a":1]`, `{"a":1} x`, `{"a":1}{}`, `01`, `-`, `-01`, `1.`, `.5`, `1e`, `1e+`, `+1`, `0x1`, `1.5.2`, `--1`,
		`"\n\r\t\b\f\/\\\""`, `"\x"`, `"\u12aF"`, `"\u12g0"`, `"\u12"`, `"\`, `"\"`, `"abc`, "\"a\nb\"", "\"a\x00b\"", "\"a\x1fb\"", "\"a\x7fb\"", "\"\xff\xfe\"",
		`"12345678"`, `"1234567"`, `"123456789\"0"`, "\"12345678\x1f\"", `"héllo wörld 日本語"`, "\ufeff{}", "{\"a\":1}\n", "\v{}", `[[[[]]]]`, `[[],[]]`, `{"a":{},"b":[]}`,
		`{"":""}`, `{"a":1,"a":2}`, `[1,2,3`, `[`, `{`, `{"`, `{"a`, `{"a":`, `{"a":1,`, `]`, `}`, `,`, `:`, `"a":1`,
	}
	for _, depth := range []int{63, 64, 65, maxDepth - 1, maxDepth, maxDepth + 1} {
		texts = append(texts, strings.Repeat("[", depth)+strings.Repeat("]", depth), strings.Repeat(`{"a":`, depth)+"1"+strings.Repeat("}", depth))
	}
	for n := range 20 {
		texts = append(texts, fmt.Sprintf(`{"k":"%s"}`, strings.Repeat("x", n)), fmt.Sprintf(`{"k":"%s\n"}`, strings.Repeat("x", n)), fmt.Sprintf("{\"k\":\"%s\n\"}", strings.Repeat("x", n)))
	}
	for _, text := range texts {
		if got, want := validJSON([]byte(text)), json.Valid([]byte(text)); got != want {
			t.Errorf("%.60q: %v, and encoding/json says %v", text, got, want)
		}
	}
}

// BenchmarkValidJSON is the check beside that of encoding/json.
func BenchmarkValidJSON(b *testing.B) {
	for _, side := range []struct {
		name  string
		valid func([]byte) bool
	}{{"own", validJSON}, {"library", json.Valid}} {
		b.Run(side.name, func(b *testing.B) {
			payload := benchPayload()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				if !side.valid(payload) {
					b.Fatal("refused")
				}
			}
		})
	}
}
