// Package server is the receiver: it takes GitHub's deliveries in, proves where
// they come from, keeps them, and notifies somebody.
//
// A delivery's way is short and always the same. Its body is read within bounds;
// its signature is checked against every valid secret before a byte of it is
// parsed; the routing table decides what it means; the record, with its pending
// notifications in it, is appended to the log, which returns once it is durable;
// only then is the answer 200. Nothing before the answer waits for anything but
// the disk. Because the pending notifications are part of the record, whatever
// was acknowledged is also announced, at least once, even after a kill -9.
//
// Behind the answer stands the queue. It keeps one lane per sink and repository,
// in order, so that a sink that hangs or a repository whose messages are refused
// holds up nobody else. A failed attempt is repeated with exponential backoff and
// jitter for 24 hours; the outcome is written back into the record.
//
// What a delivery means says package route, where messages go package sink.
package server
