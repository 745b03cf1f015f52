package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// secure puts TLS in front of a listener where the settings ask for it. HTTP/2 stays off: GitHub
// needs none, and every protocol less is one less to attack. The configuration is nil where there is no TLS.
func (s *Server) secure(l net.Listener) (net.Listener, *tls.Config, error) {
	cfg, err := s.tls.config()
	if err != nil || cfg == nil {
		return l, nil, err
	}
	return tls.NewListener(l, cfg), cfg, nil
}

// fetchCertificates has ACME's certificates fetched before the first delivery comes, whose sender would not wait for as
// long as that takes. It needs the receiver to answer already. Nobody waits for it: the library gives up by itself
// after five minutes, cannot be told to sooner, and is asked again with the next handshake.
func (s *Server) fetchCertificates(cfg *tls.Config) {
	for _, domain := range s.tls.ACME.Domains {
		hello := &tls.ClientHelloInfo{ServerName: domain, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
		if _, err := cfg.GetCertificate(hello); err != nil {
			s.logger.Error("there is no certificate yet; it is asked for again when somebody connects", "domain", domain, "error", line(err.Error(), 300))
		}
	}
}

func (c TLSConfig) config() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	switch {
	case len(c.ACME.Domains) > 0 && c.CertFile != "":
		return nil, errors.New("tls: choose certificate files or ACME, not both")
	case len(c.ACME.Domains) > 0:
		if c.ACME.CacheDir == "" {
			return nil, errors.New("tls: ACME needs a directory to keep its certificates in")
		}
		m := &autocert.Manager{
			Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(c.ACME.Domains...),
			Cache: autocert.DirCache(c.ACME.CacheDir), Email: c.ACME.Email,
			Client: &acme.Client{DirectoryURL: c.ACME.DirectoryURL, HTTPClient: c.ACME.Client},
		}
		out.GetCertificate = m.GetCertificate
		out.NextProtos = append(out.NextProtos, acme.ALPNProto)
		return out, nil
	case c.CertFile == "" && c.KeyFile == "":
		return nil, nil
	}
	files := &certificateFiles{cert: c.CertFile, key: c.KeyFile, every: time.Second}
	if _, err := files.get(nil); err != nil {
		return nil, err
	}
	out.GetCertificate = files.get
	return out, nil
}

// certificateFiles reads a certificate again when its files have changed. While the new pair does
// not fit together, as in the middle of a renewal, the old one is kept.
type certificateFiles struct {
	cert, key string
	every     time.Duration // the files are looked at no more often
	mu        sync.Mutex
	checked   time.Time
	stamp     string
	current   *tls.Certificate
}

func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current != nil && time.Since(f.checked) < f.every {
		return f.current, nil
	}
	f.checked = time.Now()
	stamp, err := f.stamps()
	if err == nil && stamp == f.stamp && f.current != nil {
		return f.current, nil
	}
	if err == nil {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(f.cert, f.key); err == nil {
			f.current, f.stamp = &pair, stamp
		}
	}
	if f.current != nil {
		return f.current, nil
	}
	return nil, fmt.Errorf("tls: read the certificate: %w", err)
}

func (f *certificateFiles) stamps() (string, error) {
	stamp := ""
	for _, name := range []string{f.cert, f.key} {
		info, err := os.Stat(name)
		if err != nil {
			return "", err
		}
		stamp += fmt.Sprint(info.ModTime().UnixNano(), info.Size(), " ")
	}
	return stamp, nil
}
