// Package tui is the terminal interface of hookctl: Home, Events, Hooks,
// Receiver and Doctor, and the overlays above them.
//
// There is one tea.Model, app. It owns the loop, the window, the toast and the
// stack of overlays. A page and an overlay are plain structs that it calls;
// they never send messages to themselves. Whatever takes time runs in a
// tea.Cmd, which returns a value and touches nothing; the value says what it
// was asked for, and whoever asked drops it when the question has changed.
// View only builds strings.
//
// Everything that a person can do is an action: its keys, its footer label, a
// sentence, the command line that does the same, and why it is off just now.
// Key dispatch, footer, help and palette read the same table, so they cannot
// disagree.
//
// Text from outside passes logs.Clean once, where it enters a page. The
// receiver is another process: leaving the interface leaves it running.
package tui
