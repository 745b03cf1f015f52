package route

// Rules are the rules of the settings, for one path of the receiver.
type Rules struct {
	WatchedBranches []string          // patterns; a CI failure elsewhere is recorded and not notified
	Routes          []Route           // tried in order before the default table
	Priorities      map[string]string // by type of notification, or by a rule's keys
	Trust           Trust             // whose words reach agents; the zero value trusts everybody
	NotifyAlso      []string          // rules that are off by default: reviews, statuses
	IgnoreSenders   []string          // logins whose deliveries are recorded and not notified
}

// Route is a rule of the settings.
type Route struct {
	Event    string   // name of an event, or "*"
	When     string   // jq condition on the payload; empty is always true
	Notify   string   // type of the notification, [a-z0-9_]{1,64}; "none" ends the search without one
	Priority string   // low, medium, high or urgent; empty is medium
	Subject  string   // text/template over [Event]; empty takes a plain one
	Message  string   // text/template over [Event]; empty takes a plain one
	Sinks    []string // names of the sinks to use; empty is all
}
