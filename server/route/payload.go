package route

import "hookctl/logs/jsonscan"

// count is how many elements an array has.
func count(v []byte) (n int) {
	jsonscan.Elements(v, func([]byte) { n++ })
	return n
}
