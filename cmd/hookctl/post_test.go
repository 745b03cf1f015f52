package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // The signature that GitHub used to send, which must not suffice.
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"

	"hookctl/hooks/secret"
)

// cmdPost sends one request to the receiver, as anybody could, and prints status and body:
//
//	post [-X METHOD] [-path /p] [-event E] [-guid G] [-sign right|wrong|none|sha1|tampered] [-type T] [-form] [-size N] [BODY|@FILE]
func cmdPost(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	flags := flag.NewFlagSet("post", flag.ContinueOnError)
	method := flags.String("X", http.MethodPost, "")
	path := flags.String("path", "/webhook", "")
	event := flags.String("event", "push", "")
	guid := flags.String("guid", "", "")
	sign := flags.String("sign", "right", "")
	kind := flags.String("type", "application/json", "")
	form := flags.Bool("form", false, "")
	size := flags.Int("size", 0, "")
	ts.Check(flags.Parse(args))
	body := []byte(flags.Arg(0))
	if file, ok := strings.CutPrefix(flags.Arg(0), "@"); ok {
		body = []byte(ts.ReadFile(file))
	}
	if *size > 0 {
		body = append(append([]byte(`{"fill":"`), bytes.Repeat([]byte("x"), *size)...), `"}`...)
	}
	if *form {
		body = []byte(url.Values{"payload": {string(body)}}.Encode())
		*kind = "application/x-www-form-urlencoded"
	}
	env, err := secret.OpenEnv(filepath.Join(w.home, ".env"))
	ts.Check(err)
	key, _ := env.Get("GITHUB_WEBHOOK_SECRET")
	request, err := http.NewRequest(*method, fmt.Sprintf("http://127.0.0.1:%d%s", w.port, *path), nil)
	ts.Check(err)
	request.Header.Set("Content-Type", *kind)
	request.Header.Set("X-GitHub-Event", *event)
	if *guid == "" {
		*guid = uuid.NewString()
	}
	request.Header.Set("X-GitHub-Delivery", *guid)
	switch *sign {
	case "right":
		request.Header.Set("X-Hub-Signature-256", secret.Sign(key, body))
	case "wrong":
		request.Header.Set("X-Hub-Signature-256", secret.Sign("not the secret", body))
	case "sha1":
		mac := hmac.New(sha1.New, []byte(key))
		mac.Write(body)
		request.Header.Set("X-Hub-Signature", "sha1="+hex.EncodeToString(mac.Sum(nil)))
	case "tampered":
		request.Header.Set("X-Hub-Signature-256", secret.Sign(key, body))
		body = append(body, ' ')
	case "none":
	default:
		ts.Fatalf("post: unknown -sign %q", *sign)
	}
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	client := http.Client{Timeout: storyPatience}
	res, err := client.Do(request)
	ts.Check(err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	ts.Check(err)
	if !json.Valid(answer) {
		ts.Fatalf("post: the answer is no JSON: %q", answer)
	}
	fmt.Fprintf(ts.Stdout(), "%d %s", res.StatusCode, answer)
}
