package tui

import "github.com/charmbracelet/x/ansi"

// stripped is s without styles.
func stripped(s string) string { return ansi.Strip(s) }
