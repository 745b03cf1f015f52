// Package kit is what every page of the interface is built from.
//
// Shell is the frame around the pages: tabs, footer, toast, the stack of
// overlays, keys and mouse. It is also all that a page knows of the rest: a
// page shows a message, opens a box, runs a job or goes to another page
// through its Shell, and never through another page.
//
// Everything that a person can do is an Action: its keys, its footer label, a
// sentence, the command line that does the same, and why it is off now. Key
// dispatch, footer, help and palette read the same table, so they cannot
// disagree.
//
// Page and Overlay are what the Shell draws. Message, Confirm, Prompt, Menu
// and Picker are the boxes and lists that pages share, Tree is JSON that
// folds, Cursor is a place in a list of which a window is on screen, and Theme
// is every style and symbol.
//
// Nothing here knows GitHub, the log or the receiver. What a function draws is
// clean already, unless it says otherwise.
package kit
