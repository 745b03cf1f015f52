package githubtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// call is one API call on its way through the simulation. To its route it is also the ResponseWriter, because ServeMux hands on
// nothing else.
type call struct {
	s        *Server
	r        *http.Request
	body     []byte
	base     string   // https://api.github.com or https://HOST/api/v3
	user     *user    // nil before authentication
	t        *target  // the repository or organization that the path names, if it names one
	accepted []string // the scopes that would do
	link     string   // to other pages
	answer   answer
}

// Header is for what ServeMux says by itself about a path that is not clean;
// GitHub knows no such path, so it is lost.
func (*call) Header() http.Header { return http.Header{} }

// Write loses its bytes for the same reason.
func (*call) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader loses its status for the same reason.
func (*call) WriteHeader(int) {}

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
	maps.Copy(w.Header(), a.header)
	data := a.bytes()
	if _, raw := a.body.(rawBody); data != nil && !raw {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(data) // a caller that went away needs no answer
}

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }

func created(body any) answer { return answer{status: http.StatusCreated, body: body} }

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

// invalid is the 422 of a field that breaks a rule.
func invalid(resource, field, code string) answer {
	return refuse(http.StatusUnprocessableEntity, "Validation Failed", fieldError{Resource: resource, Field: field, Code: code})
}

// invalidHook is the 422 of a hook that breaks a rule of GitHub's model.
func invalidHook(field, message string) answer {
	return refuse(http.StatusUnprocessableEntity, "Validation Failed", fieldError{Resource: "Hook", Code: "custom", Field: field, Message: message})
}

// badRequest is the 422 of a body that breaks the schema of the call.
func badRequest(format string, args ...any) answer {
	return refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n"+fmt.Sprintf(format, args...))
}

func baseURL(r *http.Request) string {
	if r.Host == "" || strings.HasPrefix(r.Host, "api.") {
		return "https://" + r.Host
	}
	return "https://" + r.Host + "/api/v3"
}

// page cuts items as per_page and page ask. The addresses of the other pages start with self, as GitHub's do.
func page[T any](c *call, self string, items []T) []T {
	per, at := intQuery(c.r, "per_page", 30, 100), intQuery(c.r, "page", 1, 1<<30)
	last := max(1, (len(items)+per-1)/per)
	from := min((at-1)*per, len(items))
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
	c.link = strings.Join(links, ", ")
	return items[from:min(from+per, len(items))]
}

// intQuery reads a positive number; anything else is the default, as with GitHub.
func intQuery(r *http.Request, key string, unset, most int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(key))
	if err != nil || n < 1 {
		return unset
	}
	return min(n, most)
}
