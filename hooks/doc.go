// Package hooks manages webhooks at GitHub: it sets them up, reports their state, replaces their secret without
// losing a delivery, and finds the deliveries that never arrived.
//
// A [Client] speaks to GitHub through go-gh, so it uses the login, the host and the socket that the gh program uses.
// Around go-gh it does what webhooks need:
//
//   - A call that may be repeated is repeated when the answer is lost. One that may not (creating a hook) is
//     resolved by looking at what GitHub has.
//   - GitHub's limits are kept to, and what GitHub says about waiting is obeyed ([Limits]).
//   - A renamed or transferred repository is followed with the same method, never with a GET in its place.
//   - No call can drop a secret: a hook's config is changed by PATCH …/config only, because PATCH on the hook
//     itself replaces the config whole.
//   - Every error says what to do about it ([Error.Cure]).
//
// [Client.PlanSetup] says what setup would do and [Client.Apply] does it, each hook ending with the proof that a signed
// ping arrived. [Rotator] replaces a secret in four steps, any of which may be the last one before a crash.
//
// The package does not know the receiver or its log. Where a proof needs them the caller passes a function
// ([Confirm]), and what was found missing the caller records.
package hooks
