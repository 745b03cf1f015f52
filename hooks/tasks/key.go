package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// The key of a failure, merge or block is what it is known by everywhere: in the ledger, in the first line of an issue, on the
// command line. It is made of what does not change: the host and the number of the repository, not its name; the path of a
// workflow, not its title; never a run, which does not come back.
func keyOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:6])
}

// ciKey is the key of a CI trigger; job is "" where an issue stands for the whole workflow.
func (t *trigger) ciKey(job string) string {
	return keyOf("ci", t.repo.host, strconv.FormatInt(t.repo.id, 10), t.ci.path, t.ci.branch, job)
}

// numberKey is the key of what belongs to one issue or pull request.
func (t *trigger) numberKey() string {
	kind := t.kind
	if kind == kindOurs {
		kind = kindBlocked
	}
	return keyOf(kind, t.repo.host, strconv.FormatInt(t.repo.id, 10), strconv.FormatInt(t.number, 10))
}
