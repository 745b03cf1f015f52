// Package tasks is project sync: issues and boards at GitHub that follow what happens.
//
// A CI failure becomes one issue with the failing lines of the log, and a green run closes it; a merge into a branch for which
// GitHub closes nothing closes the issues that the pull request names; a blocked issue is escalated with a summary, and
// reminded of; a board shows where each of them is.
//
// [Sync.Judge] says from a payload alone whether a delivery matters here. [Sync.Handle] makes a plan from GitHub and the ledger
// and, in the mode act, carries it out; [Sync.Preview] makes the same plan and writes nothing. A plan is made of steps that can
// be repeated: whatever interrupts one, the next attempt finds at GitHub what was done, by the marker in the first line of an
// issue or a comment, and nothing is made twice.
//
// The ledger (state/sync.json of the home) remembers which issue belongs to which failure, what was written in the last hour,
// and what is suggested. It may be lost: everything in it but the suggestions is found again at GitHub.
//
// Everything that comes from outside (names, logs, titles) is cleaned before it is written into an issue, and stands in a
// fence there; nothing in it can mention, close or hide anything.
package tasks
