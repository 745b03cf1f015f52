package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// call is one API call on its way through the simulation.
type call struct {
	s    *Server
	r    *http.Request
	body []byte
	base string // https://api.github.com or https://HOST/api/v3
	user *user  // nil before authentication
}

func (c *call) login() string {
	if c.user == nil {
		return ""
	}
	return c.user.Login
}

// answer is what a call gets: a status, headers and a value to send as JSON.
type answer struct {
	status int
	header http.Header
	body   any // nil for none
}

func (a answer) with(key, value string) answer {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(key, value)
	return a
}

// bytes is the body as it is sent. What the simulation builds always marshals.
func (a answer) bytes() []byte {
	switch body := a.body.(type) {
	case nil:
		return nil
	case rawBody:
		return []byte(body)
	}
	data, err := json.Marshal(a.body)
	if err != nil {
		panic(fmt.Sprintf("githubtest: marshal an answer: %v", err))
	}
	return data
}

func (a answer) write(w http.ResponseWriter) {
	for k, v := range a.header {
		w.Header()[k] = v
	}
	data := a.bytes()
	if _, raw := a.body.(rawBody); data != nil && !raw {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(data) // a caller that went away needs no answer
}

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }

// apiError is the body of GitHub's refusals.
type apiError struct {
	Message string       `json:"message"`
	Errors  []fieldError `json:"errors,omitempty"`
	URL     string       `json:"url,omitempty"`
	Docs    string       `json:"documentation_url"`
	Status  string       `json:"status,omitempty"`
}

// fieldError is one entry of errors in a 422.
type fieldError struct {
	Resource string `json:"resource"`
	Code     string `json:"code"`
	Field    string `json:"field,omitempty"`
	Message  string `json:"message,omitempty"`
}

const docs = "https://docs.github.com/rest"

func refuse(status int, message string, errs ...fieldError) answer {
	return answer{status: status, body: apiError{Message: message, Errors: errs, Docs: docs, Status: strconv.Itoa(status)}}
}

func notFound() answer { return refuse(http.StatusNotFound, "Not Found") }

// invalid is the 422 of a hook that breaks a rule of GitHub's model.
func invalid(message string) answer {
	return refuse(http.StatusUnprocessableEntity, "Validation Failed",
		fieldError{Resource: "Hook", Code: "custom", Message: message})
}

// badRequest is the 422 of a body that breaks the schema of the call.
func badRequest(format string, args ...any) answer {
	return refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n"+fmt.Sprintf(format, args...))
}

func baseURL(r *http.Request) string {
	host := r.Host
	if host == "" || host == "api.github.com" || strings.HasPrefix(host, "api.") {
		return "https://" + host
	}
	return "https://" + host + "/api/v3"
}

// paged is one page of items.
func paged[T any](c *call, self string, items []T) answer {
	list, link := page(c, self, items)
	return withLink(ok(list), link)
}

// page cuts items as per_page and page ask and gives the Link header, whose
// addresses start with self, as GitHub's do.
func page[T any](c *call, self string, items []T) ([]T, string) {
	per, at := intQuery(c.r, "per_page", 30, 100), intQuery(c.r, "page", 1, 1<<30)
	last := max(1, (len(items)+per-1)/per)
	from := min((at-1)*per, len(items))
	to := min(from+per, len(items))
	link := func(n int, rel string) string {
		q := c.r.URL.Query()
		q.Set("page", strconv.Itoa(n))
		return fmt.Sprintf(`<%s?%s>; rel=%q`, self, q.Encode(), rel)
	}
	var links []string
	if at > 1 {
		links = append(links, link(at-1, "prev"))
	}
	if at < last {
		links = append(links, link(at+1, "next"), link(last, "last"))
	}
	if at > 1 {
		links = append(links, link(1, "first"))
	}
	return items[from:to], strings.Join(links, ", ")
}

// intQuery reads a positive number; anything else is the default, as with GitHub.
func intQuery(r *http.Request, key string, unset, most int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(key))
	if err != nil || n < 1 {
		return unset
	}
	return min(n, most)
}

func withLink(a answer, link string) answer {
	if link == "" {
		return a
	}
	return a.with("Link", link)
}

func pathSegment(s string) string { return url.PathEscape(s) }
