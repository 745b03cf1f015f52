package jsonscan

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestValidAgreesWithTheLibrary(t *testing.T) {
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
		if got, want := Valid([]byte(text)), json.Valid([]byte(text)); got != want {
			t.Errorf("%.60q: %v, and encoding/json says %v", text, got, want)
		}
	}
}

// BenchmarkValid is the check beside that of encoding/json.
func BenchmarkValid(b *testing.B) {
	for _, side := range []struct {
		name  string
		valid func([]byte) bool
	}{{"own", Valid}, {"library", json.Valid}} {
		b.Run(side.name, func(b *testing.B) {
			payload := []byte(`{"commits":[` + strings.Repeat(`{"id":"1a2b3c4d5e6f","message":"Fix the build","distinct":true,"n":12},`, 120) + `{}]}`)
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				if !side.valid(payload) {
					b.Fatal("refused")
				}
			}
		})
	}
}

// TestObjectTakesJSONApart holds the members against those that encoding/json and the walk of Members find.
func TestObjectTakesJSONApart(t *testing.T) {
	for _, text := range []string{
		`{}`, ` { } `, `{"a":1}`, ` {"a" : [1, {"b":[]}] , "c":{} ,"d":{"e":{}},"f":[]}` + "\n", `{"a\"b":"c\\","":"","a":null,"a":true}`,
		`{"x":[[[]]],"y":{"z":{"x":1}},"last":"}"}`, `{"n":-1.5e3 }`,
	} {
		members, ok := Object([]byte(text))
		var want []Member
		Members([]byte(text), func(key, value []byte) { want = append(want, Member{key, value}) })
		if !ok || fmt.Sprintf("%q", members) != fmt.Sprintf("%q", want) && len(members)+len(want) > 0 {
			t.Errorf("%s: %q, %v; want %q", text, members, ok, want)
		}
		for _, m := range members {
			if !json.Valid(m.Value) {
				t.Errorf("%s: %q is %q", text, m.Key, m.Value)
			}
		}
	}
	for _, text := range []string{``, ` `, `[]`, `1`, `"a"`, `null`, `[{"a":1}]`, `{"a":1`, `{"a":1}}`, `{"a"}`, `{"a":1,}`} {
		if members, ok := Object([]byte(text)); ok || members != nil {
			t.Errorf("%q: %q", text, members)
		}
	}
	many := []byte(`{"a":0` + strings.Repeat(`,"b":1`, 2*mostMembers) + `}`)
	if members, ok := Object(many); !ok || len(members) != mostMembers {
		t.Errorf("%d members, %v", len(members), ok)
	}
}
