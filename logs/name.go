package logs

import (
	"strconv"
	"strings"
	"time"

	"hookctl/logs/text"
)

// timeLayout is the compact UTC time of file names and of Record.Timestamp.
const timeLayout = "20060102_150405"

const (
	fileSuffix   = ".json"
	latestName   = "latest.json"
	hiddenDir    = ".hookctl"
	maxEventName = 64
	unknownEvent = "unknown"
)

// SafeEvent returns the event as it may stand in a file name: itself when it
// is [a-z0-9_]{1,64}, else "unknown".
func SafeEvent(event string) string {
	if text.MadeOf(event, 1, maxEventName, func(c byte) bool { return 'a' <= c && c <= 'z' || text.IsDigit(c) || c == '_' }) {
		return event
	}
	return unknownEvent
}

// stem is a file name without the number and the suffix.
func stem(at time.Time, event string) string {
	return at.UTC().Format(timeLayout) + "_" + SafeEvent(event)
}

// numbered is the file name of the n-th record (1, 2, …) of a stem.
func numbered(stem string, n int) string {
	if n <= 1 {
		return stem + fileSuffix
	}
	return stem + "_" + strconv.Itoa(n) + fileSuffix
}

// isRecordName says whether a name in the directory can be a record's: a
// plain *.json file that is not hidden, not the link to the newest, and leads out of the directory on no system.
// The rule is wider than what a Writer makes, so that files of other programs are shown or reported.
func isRecordName(name string) bool {
	return len(name) <= 255 && strings.HasSuffix(name, fileSuffix) && name != latestName && name[0] != '.' && !strings.ContainsAny(name, "/\\:\x00")
}

// nameKey is the orderKey of the second in a file name.
func nameKey(name string) int64 {
	t, _ := nameTime(name)
	return orderKey(t)
}

// nameTime is the time in a file name; false when it has none.
func nameTime(name string) (time.Time, bool) {
	if len(name) < len(timeLayout) {
		return time.Time{}, false
	}
	t, err := time.Parse(timeLayout, name[:len(timeLayout)])
	return t, err == nil
}
