package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"hookctl/logs/text"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// Certificate is one that the receiver presents.
type Certificate struct {
	Name     string    // of the domain for ACME, else of the file
	NotAfter time.Time // when it expires
}

// Certificates returns what the receiver would present now, without asking anybody: none where it speaks no TLS. A domain of ACME
// whose certificate has not been fetched yet is left out. The error names the file that cannot be used.
func (c TLSConfig) Certificates() ([]Certificate, error) {
	var all []Certificate
	for _, domain := range c.ACME.Domains {
		kept := filepath.Join(c.ACME.CacheDir, domain) // as autocert.DirCache names it; it has the key too
		pair, err := tls.LoadX509KeyPair(kept, kept)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("tls: read the certificate of %s: %w", domain, err)
		}
		all = append(all, Certificate{domain, pair.Leaf.NotAfter})
	}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("tls: read the certificate: %w", err)
		}
		all = append(all, Certificate{c.CertFile, pair.Leaf.NotAfter})
	}
	return all, nil
}

// Certificates are looked at so often, and an alarm is raised so long before one expires. ACME renews 30 days before.
const (
	certificateTick = time.Minute
	certificateAge  = time.Second // before a file is read again
	expirySoon      = 14 * 24 * time.Hour
)

// watchCertificates looks after the certificates until ctx ends.
func (s *Server) watchCertificates(ctx context.Context) {
	tick := time.Tick(certificateTick)
	for {
		s.checkCertificates()
		select {
		case <-tick:
		case <-ctx.Done():
			return
		}
	}
}

// checkCertificates raises an alarm for files that cannot be used and for what expires soon.
func (s *Server) checkCertificates() {
	all, err := s.tls.Certificates()
	if err != nil {
		s.warn(alarmCertificate, err.Error()+"; the one before is still used", "hookctl doctor")
		return
	}
	s.SetAlarm(alarmCertificate, "", "")
	for _, c := range all {
		text, expired := c.Problem(s.now())
		s.set(Alarm{Key: alarmCertificate + "." + c.Name, Text: text, Hint: "hookctl doctor", Warning: !expired})
	}
}

// Problem says that a certificate has expired, or will soon; "" for neither.
func (c Certificate) Problem(now time.Time) (text string, expired bool) {
	switch left, when := c.NotAfter.Sub(now), c.NotAfter.UTC().Format("2006-01-02 15:04 MST"); {
	case left <= 0:
		return fmt.Sprintf("the certificate of %s expired on %s: GitHub delivers nothing", c.Name, when), true
	case left < expirySoon:
		return fmt.Sprintf("the certificate of %s expires on %s and has not been renewed", c.Name, when), false
	}
	return "", false
}

// checkDomain refuses what no authority gives a certificate for through tls-alpn-01.
func checkDomain(name string) error {
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return fmt.Errorf("tls: %q is an IP address; ACME needs a domain", name)
	}
	labels := strings.Split(name, ".")
	if len(name) > 253 || len(labels) < 2 || slices.Contains(privateDomains, strings.ToLower(labels[len(labels)-1])) {
		return fmt.Errorf("tls: %q is not a public domain", name)
	}
	for _, label := range labels {
		fit := text.MadeOf(label, 1, 63, func(c byte) bool { return text.IsWord(c) && c != '.' && c != '_' })
		if !fit || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return fmt.Errorf("tls: %q is not a valid domain: use letters, digits, - and dots, without a wildcard, scheme or port", name)
		}
	}
	if text.MadeOf(labels[len(labels)-1], 1, 63, text.IsDigit) {
		return fmt.Errorf("tls: %q is not a valid domain", name)
	}
	return nil
}

// privateDomains are top-level names that nobody can own.
var privateDomains = []string{"localhost", "local", "internal", "test", "invalid", "example", "onion", "lan", "home", "arpa"}

// fetchCertificates has ACME's certificates fetched before the first delivery comes, whose sender would not wait for as
// long as that takes. It needs the receiver to answer already. What fails is asked for again with the next handshake.
func (s *Server) fetchCertificates(ctx context.Context, cfg *tls.Config) {
	for _, domain := range s.tls.ACME.Domains {
		hello := &tls.ClientHelloInfo{ServerName: domain, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
		if _, err := cfg.GetCertificate(hello); ctx.Err() != nil {
			return
		} else if err != nil {
			s.SetAlarm(alarmCertificate+"."+domain, fmt.Sprintf("there is no certificate for %s: %v", domain, err), "hookctl doctor")
		}
	}
}

// untilDone ends the requests of a library that takes no context when ctx ends.
type untilDone struct {
	ctx  context.Context
	with http.RoundTripper
}

// RoundTrip sends a request. Its answer can be read until ctx ends.
func (t untilDone) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	context.AfterFunc(t.ctx, cancel)
	return t.with.RoundTrip(r.WithContext(ctx))
}

// config is nil where there is no TLS. HTTP/2 stays off: GitHub needs none, and every protocol less is one less to attack. With
// ctx ends what is asked of an authority.
func (c TLSConfig) config(ctx context.Context) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	switch {
	case len(c.ACME.Domains) > 0 && c.CertFile != "":
		return nil, errors.New("tls: choose certificate files or ACME, not both")
	case len(c.ACME.Domains) > 0:
		for _, domain := range c.ACME.Domains {
			if err := checkDomain(domain); err != nil {
				return nil, err
			}
		}
		if c.ACME.CacheDir == "" {
			return nil, errors.New("tls: ACME needs a directory to keep its certificates in")
		}
		client := http.Client{}
		if c.ACME.Client != nil {
			client = *c.ACME.Client
		}
		client.Transport = untilDone{ctx, cmp.Or(client.Transport, http.DefaultTransport)}
		m := &autocert.Manager{
			Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(c.ACME.Domains...),
			Cache: autocert.DirCache(c.ACME.CacheDir), Email: c.ACME.Email,
			Client: &acme.Client{DirectoryURL: c.ACME.DirectoryURL, HTTPClient: &client},
		}
		out.GetCertificate = m.GetCertificate
		out.NextProtos = append(out.NextProtos, acme.ALPNProto)
		return out, nil
	case c.CertFile == "" && c.KeyFile == "":
		return nil, nil
	}
	files := &certificateFiles{cert: c.CertFile, key: c.KeyFile}
	if _, err := files.get(nil); err != nil {
		return nil, err
	}
	out.GetCertificate = files.get
	return out, nil
}

// certificateFiles reads a certificate again now and then. While the new pair does
// not fit together, as in the middle of a renewal, the old one is kept; whether it stays so is seen to by
// watchCertificates.
type certificateFiles struct {
	cert, key string
	mu        sync.Mutex
	read      time.Time
	current   *tls.Certificate
}

func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current != nil && time.Since(f.read) < certificateAge {
		return f.current, nil
	}
	f.read = time.Now()
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	switch {
	case err == nil:
		f.current = &pair
	case f.current == nil:
		return nil, fmt.Errorf("tls: read the certificate: %w", err)
	}
	return f.current, nil
}
