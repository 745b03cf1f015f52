package route

import (
	"strconv"

	"hookctl/logs/jsonscan"
)

// The fields of GitHub's payloads that routing reads. Every delivery is read before it is acknowledged, and of 8 KiB
// routing wants a few hundred bytes, so the payload is walked once, which also proves that it is JSON, and afterwards only the members
// that matter are looked into; encoding/json would take ten times as long.
type payloadFields struct {
	action         string
	sender, pusher person
	label          string
	repository     repo
	runs           []runObject // check_suite, check_run, workflow_job, workflow_run: the last says most
	topics         []topic     // release, discussion, issue, pull_request: likewise
	comment        string      // its address

	ref, before, after, compare string
	deleted                     bool
	commits                     int
	headMessage                 string
	sha, state, targetURL       string
	workflow, context, refType  string
	id                          int64
	branches                    []string
}

type (
	person struct{ name, login string }
	repo   struct{ fullName, url, main string }
	// runObject is a workflow_run, check_run, workflow_job or check_suite.
	runObject struct {
		id, runID, attempt                       int64
		name, path, branch, sha, conclusion, url string
		suiteBranch, headRepository, app         string // of the check suite; owner/name; the app's slug
	}
	topic struct {
		number                        int64
		title, name, tag, body, url   string
		merged                        bool
		mergeSHA, base, head, headSHA string
	}
)

func readPayload(members []jsonscan.Member) payloadFields {
	var p payloadFields
	runs, topics := [4]runObject{}, [4]topic{}
	var hasRun, hasTopic [4]bool
	for _, m := range members {
		v := m.Value
		switch string(m.Key) {
		case "action":
			p.action = stringOf(v)
		case "sender":
			p.sender = readPerson(v)
		case "pusher":
			p.pusher = readPerson(v)
		case "label":
			p.label = readPerson(v).name
		case "repository":
			p.repository = readRepo(v)
		case "check_suite":
			runs[0], hasRun[0] = readRun(v), true
		case "check_run":
			runs[1], hasRun[1] = readRun(v), true
		case "workflow_job":
			runs[2], hasRun[2] = readRun(v), true
		case "workflow_run":
			runs[3], hasRun[3] = readRun(v), true
		case "release":
			topics[0], hasTopic[0] = readTopic(v), true
		case "discussion":
			topics[1], hasTopic[1] = readTopic(v), true
		case "issue":
			topics[2], hasTopic[2] = readTopic(v), true
		case "pull_request":
			topics[3], hasTopic[3] = readTopic(v), true
		case "comment":
			p.comment = readTopic(v).url
		case "ref":
			p.ref = stringOf(v)
		case "before":
			p.before = stringOf(v)
		case "after":
			p.after = stringOf(v)
		case "compare":
			p.compare = stringOf(v)
		case "deleted":
			p.deleted = string(v) == "true"
		case "commits":
			jsonscan.Elements(v, func([]byte) { p.commits++ })
		case "head_commit":
			jsonscan.Members(v, func(key, v []byte) {
				if string(key) == "message" {
					p.headMessage = stringOf(v)
				}
			})
		case "sha":
			p.sha = stringOf(v)
		case "state":
			p.state = stringOf(v)
		case "workflow":
			p.workflow = readPerson(v).name
		case "context":
			p.context = stringOf(v)
		case "ref_type":
			p.refType = stringOf(v)
		case "id":
			p.id = integerOf(v)
		case "branches":
			p.branches = readNames(v)
		case "target_url":
			p.targetURL = stringOf(v)
		}
	}
	for i := range runs {
		if hasRun[i] {
			p.runs = append(p.runs, runs[i])
		}
		if hasTopic[i] {
			p.topics = append(p.topics, topics[i])
		}
	}
	return p
}

func readPerson(b []byte) (p person) {
	jsonscan.Members(b, func(key, v []byte) {
		switch string(key) {
		case "name":
			p.name = stringOf(v)
		case "login":
			p.login = stringOf(v)
		}
	})
	return p
}

func readRepo(b []byte) (p repo) {
	jsonscan.Members(b, func(key, v []byte) {
		switch string(key) {
		case "full_name":
			p.fullName = stringOf(v)
		case "html_url":
			p.url = stringOf(v)
		case "default_branch":
			p.main = stringOf(v)
		}
	})
	return p
}

func readRun(b []byte) (r runObject) {
	jsonscan.Members(b, func(key, v []byte) {
		switch string(key) {
		case "id":
			r.id = integerOf(v)
		case "run_id":
			r.runID = integerOf(v)
		case "run_attempt":
			r.attempt = integerOf(v)
		case "name":
			r.name = stringOf(v)
		case "path":
			r.path = stringOf(v)
		case "head_branch":
			r.branch = stringOf(v)
		case "head_sha":
			r.sha = stringOf(v)
		case "conclusion":
			r.conclusion = stringOf(v)
		case "html_url":
			r.url = stringOf(v)
		case "head_repository":
			r.headRepository = readRepo(v).fullName
		case "app":
			jsonscan.Members(v, func(key, v []byte) {
				if string(key) == "slug" {
					r.app = stringOf(v)
				}
			})
		case "check_suite":
			r.suiteBranch = readRun(v).branch
		}
	})
	return r
}

// readNames reads the names of the objects in an array.
func readNames(b []byte) (names []string) {
	jsonscan.Elements(b, func(v []byte) { names = append(names, readPerson(v).name) })
	return names
}

func readTopic(b []byte) (t topic) {
	jsonscan.Members(b, func(key, v []byte) {
		switch string(key) {
		case "number":
			t.number = integerOf(v)
		case "title":
			t.title = stringOf(v)
		case "name":
			t.name = stringOf(v)
		case "tag_name":
			t.tag = stringOf(v)
		case "body":
			t.body = stringOf(v)
		case "html_url":
			t.url = stringOf(v)
		case "merged":
			t.merged = string(v) == "true"
		case "merge_commit_sha":
			t.mergeSHA = stringOf(v)
		case "base", "head":
			var ref, sha string
			jsonscan.Members(v, func(key, v []byte) {
				switch string(key) {
				case "ref":
					ref = stringOf(v)
				case "sha":
					sha = stringOf(v)
				}
			})
			if string(key) == "base" {
				t.base = ref
			} else {
				t.head, t.headSHA = ref, sha
			}
		}
	})
	return t
}

// stringOf reads a string; whatever else stands in its place gives "".
func stringOf(v []byte) string {
	s, _ := jsonscan.Text(v)
	return s
}

// integerOf reads a whole number; whatever else stands in its place gives 0. GitHub's ids are larger than 2^53, so it
// never passes through a float.
func integerOf(v []byte) int64 {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
