// Package kittest is what the tests of the interface share: a Screen that is
// driven by keys, a World around the page under test, a Rig with a simulated
// GitHub and a receiver, sample events, and checks that hold for every
// screen. No program imports it.
package kittest
