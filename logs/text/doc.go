// Package text is for text from outside: what a webhook, a repository or another program wrote, on its way to a terminal, a
// log line, a shell or a message for an agent. Every such text goes through here once, where it enters: [Clean] removes what
// a terminal would obey and what hides in a line, [Cut] bounds its length, [Shell] makes it one word of a command line.
// [Count] and [Thousands] write numbers as people read them.
//
// Every other package may import this one; it imports none of ours.
package text
