package route

import (
	"strconv"

	"hookctl/logs/jsonscan"
)

// fields are the members of a payload, or of an object in it. Every delivery is read before it is acknowledged, and of 8 KiB
// routing wants a few hundred bytes, so the payload is walked once, which also proves that it is JSON, and afterwards only the members
// that matter are looked into; encoding/json would take ten times as long.
type fields []jsonscan.Member

// get is the value at a path of members, nil where there is none.
func (f fields) get(name string, inner ...string) (v []byte) {
	for _, m := range f {
		if string(m.Key) == name {
			v = m.Value
		}
	}
	return jsonscan.At(v, inner...)
}

// text reads a string; whatever else stands in its place gives "".
func (f fields) text(name string, inner ...string) string {
	s, _ := jsonscan.Text(f.get(name, inner...))
	return s
}

func (f fields) is(name string) bool { return string(f.get(name)) == "true" }

// integerOf reads a whole number; whatever else stands in its place gives 0. GitHub's ids are larger than 2^53, so it
// never passes through a float.
func integerOf(v []byte) int64 {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// count is how many elements an array has.
func count(v []byte) (n int) {
	jsonscan.Elements(v, func([]byte) { n++ })
	return n
}
