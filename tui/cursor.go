package tui

// cursor is a place in a list of n rows of which h are on screen.
type cursor struct {
	at, top int
}

// to puts the cursor on row i of n.
func (c *cursor) to(i, n int) { c.at = max(0, min(n-1, i)) }

// window scrolls as little as needed to have the cursor on screen, and gives
// the rows to draw: from, up to and without to.
func (c *cursor) window(n, h int) (from, to int) {
	c.to(c.at, n)
	if c.at < c.top {
		c.top = c.at
	} else if c.at >= c.top+h {
		c.top = c.at - h + 1
	}
	c.top = max(0, min(c.top, n-h))
	return c.top, min(n, c.top+max(0, h))
}
