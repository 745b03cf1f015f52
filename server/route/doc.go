// Package route says what a delivery means and whom it concerns. [NewEvent] reads what matters out of GitHub's payload and cleans it;
// [Decide] tries the routes of the settings and then the default table; what comes out is a [Decision] with at most one [Notice],
// in the words that people and agents read, and a trace of why each rule did or did not match. All of it depends on nothing but its
// arguments.
//
// Text that an outsider chose (titles, branches, logins) is cleaned once, in [NewEvent]; what is made of it is only cut. Where the
// author is not trusted ([Trust]), a notice has a second form for agents, made of fixed words, numbers and links alone ([Notice.For]).
package route
