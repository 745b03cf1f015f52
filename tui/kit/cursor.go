package kit

// Cursor is a place in a list of n rows of which h are on screen.
type Cursor struct {
	At, Top int
}

// To puts the cursor on row i of n.
func (c *Cursor) To(i, n int) { c.At = max(0, min(n-1, i)) }

// Window scrolls as little as needed to have the cursor on screen, and gives
// the rows to draw: from, up to and without to.
func (c *Cursor) Window(n, h int) (from, to int) {
	c.To(c.At, n)
	if c.At < c.Top {
		c.Top = c.At
	} else if c.At >= c.Top+h {
		c.Top = c.At - h + 1
	}
	c.Top = max(0, min(c.Top, n-h))
	return c.Top, min(n, c.Top+max(0, h))
}
