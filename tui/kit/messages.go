package kit

// The names of the pages, for goTo.
const (
	PageHome     = "Home"
	PageEvents   = "Events"
	PageHooks    = "Hooks"
	PageReceiver = "Receiver"
	PageDoctor   = "Doctor"
	PageSettings = "Settings"
)

// What a page can be asked to show.
type (
	// Filtered asks the Events page for what a filter chooses.
	Filtered string
	// Failing asks the Hooks page for the first hook that fails.
	Failing struct{}
	// Missed asks the Hooks page for the deliveries of a repository or organization that never arrived.
	Missed struct{ Target string }
	// Refusals asks the Receiver page for the requests that it refused.
	Refusals struct{}
	// Settings asks the Settings page for a setting, "" for where it was.
	Settings struct{ Name string }
)

// Messages that pages and overlays get from the app, or send it.
type (
	// Answer is the newest answer to what is asked again and again, and the
	// message that brings it.
	Answer[T any] struct {
		Value T
		Err   error
		Known bool // the first answer is here
	}
	// News are new or changed things, the oldest first.
	News[T any] []T
	// Indexed says that the index of the log is complete.
	Indexed struct{}
	// Controlled is the end of a start, stop, restart or reload of the
	// receiver.
	Controlled struct {
		Done string // what to say when err is nil
		Err  error
	}
)

// OK reports whether there is an answer and it is no error.
func (a *Answer[T]) OK() bool { return a.Known && a.Err == nil }
