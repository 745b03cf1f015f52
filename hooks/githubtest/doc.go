// Package githubtest is a simulated GitHub, strict enough to develop against:
// what GitHub refuses it refuses, with GitHub's own error bodies, and what
// GitHub sends it really sends, signed, over HTTP.
//
// It knows the REST calls around webhooks (hooks of repositories and
// organizations, their configuration, pings, tests, deliveries and
// redeliveries), the few calls around them (user, repositories, meta) and what
// `gh auth status` asks. It serves plain HTTP on a unix socket, because both
// go-gh and the real gh can be pointed at one with http_unix_socket in their
// configuration:
//
//	gh := githubtest.New(githubtest.Options{Resolve: toLoopback})
//	defer gh.Close()
//	gh.AddRepository("octo-org/widgets", githubtest.Repository{})
//	err := gh.Start(socket)
//	err = gh.WriteGHConfig(configDir)
//	cmd.Env = append(os.Environ(), gh.Environ(configDir)...)
//	results, err := gh.Deliver(ctx, "octo-org/widgets", "push", githubtest.Sample("push.main"))
//
// A delivery goes to the address that Options.Resolve gives for the hook's
// public URL, carries GitHub's headers and both signatures, and is recorded as
// GitHub records it. A hook that is created or asked to gets a real ping.
//
// The simulation can be made to misbehave (Fault), to limit (RateLimit), to
// demand single sign-on (SetSSO), to rename a repository (Rename) and to forget
// a role (Grant). Everything that chance decides comes from Options.Seed.
//
// Maestro, beside it, simulates the AI Maestro that notifications go to.
package githubtest
