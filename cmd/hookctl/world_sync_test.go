package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"hookctl/hooks/githubtest"
)

// cmdHappens makes something happen in a repository that project sync follows, and delivers it:
//
//	happens run owner/repo NUMBER CONCLUSION [LOG LINE]
//	happens merged owner/repo PULL BASE BODY
//	happens labeled|unlabeled owner/repo ISSUE LABEL
//	happens issue owner/repo TITLE               an issue that a person opens; nothing is delivered
//	happens board owner/N FIELD COLUMN…          a board of an organization
//	happens changed owner/repo ISSUE state|body|comment WORDS   by a person; nothing is delivered
func cmdHappens(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: happens run|merged|labeled|unlabeled|issue|board|changed …")
	}
	g, repo := worldOf(ts).github, args[1]
	number := func(at int) int {
		n, err := strconv.Atoi(args[at])
		ts.Check(err)
		return n
	}
	switch args[0] {
	case "run":
		n := int64(number(2))
		job := githubtest.Job{Name: "unit", Conclusion: args[3], Steps: []githubtest.Step{{Name: "Run tests", Conclusion: args[3]}}, Log: []byte(strings.Join(args[4:], " ") + "\n")}
		g.SetJobs(repo, 9000000000000000+n, 1, job)
		send(ts, repo, "workflow_run", g.RunPayload(repo, githubtest.Run{Number: n, Conclusion: args[3]}))
	case "merged":
		g.SetCommits(repo, number(2), "Merge")
		send(ts, repo, "pull_request", g.MergedPayload(repo, number(2), args[3], args[4]))
	case "labeled", "unlabeled":
		g.ChangeIssue(repo, number(2), func(i *githubtest.Issue) {
			i.Labels = nil
			if args[0] == "labeled" {
				i.Labels = []string{args[3]}
			}
		})
		send(ts, repo, "issues", g.IssuePayload(repo, number(2), args[0], args[3]))
	case "issue":
		g.AddIssue(repo, githubtest.Issue{Title: args[2]})
	case "board":
		g.AddProject(args[1], true, args[2], args[3:]...)
	case "changed":
		g.ChangeIssue(repo, number(2), func(i *githubtest.Issue) {
			switch args[3] {
			case "state":
				i.State = args[4]
			case "body":
				i.Body += "\n" + args[4]
			case "comment":
				i.Comments = append(i.Comments, githubtest.Comment{User: "mona", Body: args[4], At: time.Now()})
			}
		})
	default:
		ts.Fatalf("happens: unknown %q", args[0])
	}
}

// send delivers an event and sees it through.
func send(ts *testscript.TestScript, repo, event string, payload []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), storyPatience)
	defer cancel()
	results, err := worldOf(ts).github.Deliver(ctx, repo, event, payload)
	ts.Check(err)
	if len(results) == 0 {
		ts.Fatalf("no hook subscribes to %s", event)
	}
	for _, r := range results {
		if !r.OK() {
			ts.Fatalf("deliver %s: %d %s %s", event, r.StatusCode, r.Status, r.Response)
		}
	}
}

// cmdIssues prints the issues of a repository, one per line, and where each is on a board:
//
//	issues owner/repo [BOARD]
func cmdIssues(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: issues owner/repo [BOARD]")
	}
	g := worldOf(ts).github
	list := g.Issues(args[0])
	fmt.Fprintf(ts.Stdout(), "issues: %d\n", len(list))
	for _, i := range list {
		column := ""
		if len(args) > 1 {
			column = " " + i.Column
		}
		fmt.Fprintf(ts.Stdout(), "#%d %s %q %s comments:%d%s\n", i.Number, i.State, i.Title, strings.Join(i.Labels, ","), len(i.Comments), column)
	}
}
