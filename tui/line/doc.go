// Package line is hookctl for screen readers, braille lines and pipes: a prompt over the same commands as the shell.
//
// A typed line is split into words as a shell does, and executed by the function that main hands over; `hookctl` in front
// may be left out. The package knows no command of its own but those of the prompt (help, more, back, quit) and the
// dialogue of setup, which asks one question after the other and then executes `setup` with the flags that the answers
// amount to. It draws nothing: no escape sequence, no cursor movement, one line for each thing.
//
// Tables come to it as cells ([Output.Table]). It prints a numbered line for each row and remembers the rows, so that
// `view 3` is the third row of the last list of events and `hooks ping 2` the second of the last list of hooks. Which words
// of a command may be such numbers is read from the command's own usage line.
package line
