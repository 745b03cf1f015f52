// Package tui is the terminal interface of hookctl: the app around the pages
// Home, Events, Hooks, Receiver, Doctor and Settings.
//
// There is one tea.Model, app. It owns the loop, opens and watches the log,
// asks the receiver how it is, and hands the news to the pages. A page and an
// overlay are plain structs that the shell of package kit calls; they never
// send messages to themselves. Whatever takes time is a question (kit.Ask),
// which runs in a tea.Cmd and touches nothing; what is done with the answer
// stands beside it, runs on the loop, and drops the answer when the question
// has changed. View only builds strings.
//
// Pages know package kit and their own files, and nothing of each other: what
// one needs of another, the app puts into its Config.
//
// What Config has of the settings (theme, ASCII, mouse, keys, desktop
// notifications, saved filters) is that of the start; the Settings page changes
// the file, and the interface follows when it is opened again.
//
// Text from outside passes text.Clean once, where it enters a page. The
// receiver is another process: leaving the interface leaves it running.
package tui
