package mcp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"hookctl/logs/text"
	"hookctl/server/fleet"
)

// confirmError says that nothing was done, because nobody has agreed to the plan.
type confirmError struct {
	code string // confirm_required, plan_changed or cancelled
	hash string
}

func (e *confirmError) Error() string {
	switch e.code {
	case "plan_changed":
		return "the plan is no longer the one that was confirmed; nothing was changed"
	case "cancelled":
		return "the user did not agree; nothing was changed"
	}
	return "this changes hooks at GitHub and needs a confirmation; nothing was changed"
}

// Hint is how to go on.
func (e *confirmError) Hint() string {
	if e.code == "cancelled" {
		return ""
	}
	return "show the plan to the user; if they agree, call again with confirm: " + e.hash
}

// hashOf names a plan by what it does.
func hashOf(parts ...any) string {
	sum := sha256.Sum256(fmt.Append(nil, parts...))
	return hex.EncodeToString(sum[:8])
}

// hashOfSetup names a plan of setup. The fingerprint of a secret is not in it: a new secret is another one each time.
func hashOfSetup(p fleet.SetupPlan) string {
	var parts []any
	for _, i := range p.Items {
		parts = append(parts, fmt.Sprintf("%q %q %d %q %q %t", i.Target, i.Action, i.HookID, p.URL, i.Events, i.Paused))
		for _, c := range i.Changes {
			if c.Field == "secret" {
				c.To = ""
			}
			parts = append(parts, fmt.Sprintf("%q", c))
		}
	}
	return hashOf(parts...)
}

// hashOfRotation names a plan of a rotation, or what else is done to one.
func hashOfRotation(action string, p fleet.RotatePlan) string {
	parts := []any{action, p.Resume, p.PerHook, p.Grace}
	for _, h := range p.Hooks {
		parts = append(parts, fmt.Sprintf("%d %q", h.ID, h.Target))
	}
	return hashOf(parts...)
}

// answerName names the one question of a call among the client's answers.
const answerName = "confirm"

// confirmed returns nil once the user has agreed to the plan of a hash. A client that can ask its user is made to, whatever it passes as
// confirm, and the call comes back with the answer; then c.ask is set. Any other has to pass the hash.
func (c *call) confirmed(question, hash, confirm string) (asked bool, err error) {
	if confirm != "" && confirm != hash {
		return false, &confirmError{"plan_changed", hash}
	}
	if answer, given := c.Params.InputResponses[answerName]; given {
		result, is := answer.(*mcp.ElicitResult)
		switch {
		case !is || result.Action != "accept":
			return false, &confirmError{"cancelled", hash}
		case c.Params.RequestState != hash:
			return false, &confirmError{"plan_changed", hash}
		}
		return false, nil
	}
	if !c.canAsk() {
		if confirm == hash {
			return false, nil
		}
		return false, &confirmError{"confirm_required", hash}
	}
	c.ask = &mcp.CallToolResult{
		RequestState: hash,
		InputRequests: mcp.InputRequestMap{answerName: &mcp.ElicitParams{
			Mode: "form", Message: text.Cut(question, 4*maxString),
			RequestedSchema: map[string]any{"type": "object", "properties": map[string]any{}},
		}},
	}
	return true, nil
}

// canAsk reports whether the client can put a question to its user.
func (c *call) canAsk() bool {
	p := c.Session.InitializeParams()
	if p == nil || p.Capabilities == nil || p.Capabilities.Elicitation == nil {
		return false
	}
	able := p.Capabilities.Elicitation
	return able.Form != nil || able.URL == nil // neither is how older clients promise the form
}

// questionOfSetup is a plan of setup as the user is asked about it.
func questionOfSetup(p fleet.SetupPlan) string {
	return "hookctl wants to set up webhooks:\n" + clean(p.String()) + "\nContinue?"
}

// questionOfRotation is what the user is asked about a rotation.
func questionOfRotation(action string, p fleet.RotatePlan) string {
	switch action {
	case "undo":
		return "hookctl wants to give every hook its old secret back. Continue?"
	case "finish":
		return "hookctl wants to end the rotation: failed hooks and the rest of the grace period are dropped. Continue?"
	}
	if p.Resume || action == "resume" {
		return "hookctl wants to continue the rotation that is under way. Continue?"
	}
	lines := []string{fmt.Sprintf("hookctl wants to change the secret of %s; the old one is accepted for another %s:", text.Count(len(p.Hooks), "hook"), p.Grace)}
	for i, h := range p.Hooks {
		if i == 20 {
			lines = append(lines, fmt.Sprintf("and %d more", len(p.Hooks)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("%s, hook %d", h.Target, h.ID))
	}
	return strings.Join(append(lines, "Continue?"), "\n")
}
