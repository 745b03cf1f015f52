package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// writeCertificate makes a self-signed certificate with a serial number.
func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCertificateFilesAreReadAgainWhenRenewed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if _, err := (TLSConfig{CertFile: certFile, KeyFile: keyFile}).config(t.Context()); err == nil {
		t.Error("files that are not there are accepted")
	}
	writeCertificate(t, certFile, keyFile, 1)
	r := run(t, func(c *Config) { c.TLS = TLSConfig{CertFile: certFile, KeyFile: keyFile} })
	address := strings.TrimPrefix(r.url, "http://")
	shown := func() (serial int64, protocol string) {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		state := conn.ConnectionState()
		return state.PeerCertificates[0].SerialNumber.Int64(), state.NegotiatedProtocol
	}
	if serial, protocol := shown(); serial != 1 || protocol != "http/1.1" {
		t.Errorf("certificate %d, protocol %q", serial, protocol)
	}
	writeCertificate(t, certFile, keyFile, 3)
	await(t, "the renewed certificate", func() bool { serial, _ := shown(); return serial == 3 })

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	_, payload := sample(t, "push_main")
	resp, err := client.Do(request(t, "https://"+address+"/webhook", "push", guid(1), payload))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 1 {
		t.Errorf("%s over %s", resp.Status, resp.Proto)
	}
}

func TestCertificatesRaiseAlarms(t *testing.T) {
	dir := t.TempDir()
	files := TLSConfig{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	writeCertificate(t, files.CertFile, files.KeyFile, 1)
	all, err := files.Certificates()
	if err != nil || len(all) != 1 || all[0].Name != files.CertFile {
		t.Fatalf("%v, %v", all, err)
	}
	expires := all[0].NotAfter
	var now atomic.Pointer[time.Time]
	at := func(when time.Time) { now.Store(&when) }
	at(expires.Add(-15 * 24 * time.Hour))
	r := run(t, func(c *Config) { c.TLS, c.Now = files, func() time.Time { return *now.Load() } })
	conn, err := tls.Dial("tcp", strings.TrimPrefix(r.url, "http://"), &tls.Config{InsecureSkipVerify: true}) // It serves now.
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	texts := func() (all []string) {
		r.checkCertificates()
		for _, a := range r.Stats().Alarms {
			all = append(all, a.Text)
		}
		return all
	}
	if got := texts(); got != nil {
		t.Errorf("15 days before: %q", got)
	}
	at(expires.Add(-13 * 24 * time.Hour))
	if got := texts(); len(got) != 1 || !strings.Contains(got[0], "expires on") || !strings.Contains(got[0], "cert.pem") {
		t.Errorf("13 days before: %q", got)
	}
	at(expires.Add(time.Second))
	if got := texts(); len(got) != 1 || !strings.Contains(got[0], "expired on") {
		t.Errorf("a second after: %q", got)
	}
	at(expires.Add(-15 * 24 * time.Hour))
	texts()
	if err := os.WriteFile(files.CertFile, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := texts(); len(got) != 1 || !strings.Contains(got[0], "read the certificate") {
		t.Errorf("a broken file: %q", got)
	}
	writeCertificate(t, files.CertFile, files.KeyFile, 2)
	if got := texts(); got != nil {
		t.Errorf("when the file is whole again: %q", got)
	}
}

func TestServeWatchesItsCertificates(t *testing.T) {
	dir := t.TempDir()
	files := TLSConfig{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	writeCertificate(t, files.CertFile, files.KeyFile, 1) // for an hour
	r := run(t, func(c *Config) { c.TLS = files })
	await(t, "an alarm", func() bool { return strings.Contains(r.Stats().Alarm, "expires on") })
}

// A receiver that stops waits for no authority, and leaves nobody asking one.
func TestFetchingACertificateEndsWithTheReceiver(t *testing.T) {
	asked, ended := make(chan struct{}), make(chan struct{})
	authority := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(ended)
	}))
	defer authority.Close()
	r := run(t, func(c *Config) {
		c.TLS.ACME = ACMEConfig{Domains: []string{"hooks.example.com"}, CacheDir: t.TempDir(), DirectoryURL: authority.URL}
	})
	<-asked
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(2 * time.Minute):
		t.Error("the authority is still asked")
	}
}

func TestImpossibleDomainsAreRefused(t *testing.T) {
	for _, name := range []string{
		"", "hooks", "*.example.com", "192.0.2.1", "::1", "[::1]", "https://hooks.example.com", "hooks.example.com:443", "hooks.example.com/x",
		"a..example.com", ".example.com", "example.com.", "-a.example.com", "a-.example.com", "a_b.example.com", "hooks.localhost", "mac.local", "a.internal",
		"größe.example.com", strings.Repeat("a", 64) + ".example.com", strings.Repeat("a.", 130) + "com", "a.123", "a b.example.com",
	} {
		cfg := testConfig(nil)
		cfg.TLS.ACME = ACMEConfig{Domains: []string{name}, CacheDir: "c"}
		if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "tls: ") {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"hooks.example.com", "example.org", "xn--gre-6ka8c.example.com", "a.b-c.d1.example.com", "Hooks.Example.com"} {
		cfg := testConfig(nil)
		cfg.TLS.ACME = ACMEConfig{Domains: []string{name}, CacheDir: "c"}
		if err := cfg.Check(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestHalfRenewedCertificateIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		files := &certificateFiles{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
		writeCertificate(t, files.cert, files.key, 1)
		serial := func() int64 {
			<-time.After(certificateAge) // of the test's clock
			pair, err := files.get(nil)
			if err != nil {
				t.Fatal(err)
			}
			return pair.Leaf.SerialNumber.Int64()
		}
		if serial() != 1 {
			t.Error("the first certificate is not shown")
		}
		other := filepath.Join(dir, "other.pem")
		writeCertificate(t, files.cert, other, 2)
		if got := serial(); got != 1 {
			t.Errorf("in the middle of a renewal: %d", got)
		}
		if err := os.Rename(other, files.key); err != nil {
			t.Fatal(err)
		}
		if got := serial(); got != 2 {
			t.Errorf("after the renewal: %d", got)
		}
		if err := os.Remove(files.key); err != nil {
			t.Fatal(err)
		}
		if got := serial(); got != 2 {
			t.Errorf("without its file: %d", got)
		}
	})
}

// TestACMEAgainstPebble fetches a certificate from Let's Encrypt's own test authority, which
// proves the domain through tls-alpn-01 on the receiver's port.
func TestACMEAgainstPebble(t *testing.T) {
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	tlsPort, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	logger := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	validation := va.New(logger, 1, tlsPort, true, localDNS(t), store)
	front := wfe.New(logger, store, validation, authority, []string{"pebble.letsencrypt.org"}, true, false, 1, 1)
	directory := httptest.NewTLSServer(front.Handler())
	t.Cleanup(directory.Close)

	const domain = "hooks.example.com"
	cache := filepath.Join(t.TempDir(), "acme")
	settings := TLSConfig{ACME: ACMEConfig{
		Domains: []string{domain}, Email: "owner@example.com", CacheDir: cache,
		DirectoryURL: directory.URL + wfe.DirectoryPath, Client: directory.Client(),
	}}
	s := newTestServer(t, func(c *Config) { c.TLS = settings })
	serve(t, s, l)

	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority.GetRootCert(0).PEM()) {
		t.Fatal("Pebble has no root")
	}
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
		},
	}}
	defer client.CloseIdleConnections()
	// It is there before anybody connects, who might not wait for it.
	await(t, "the certificate", func() bool { _, err := os.Stat(filepath.Join(cache, domain)); return err == nil })
	_, payload := sample(t, "push_main")
	resp, err := client.Do(request(t, "https://"+domain+"/webhook", "push", guid(1), payload))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.TLS.PeerCertificates[0].DNSNames[0] != domain {
		t.Errorf("%s for %v", resp.Status, resp.TLS.PeerCertificates[0].DNSNames)
	}
	if kept, err := os.ReadFile(filepath.Join(cache, domain)); err != nil || !strings.Contains(string(kept), "PRIVATE KEY") {
		t.Errorf("the certificate is not kept: %v", err)
	}
	if kept, err := settings.Certificates(); err != nil || len(kept) != 1 || kept[0].Name != domain || kept[0].NotAfter.IsZero() {
		t.Errorf("certificates %v, %v", kept, err)
	}
	// For other names there is no certificate, and nobody is asked for one.
	if _, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{ServerName: "evil.example.com", InsecureSkipVerify: true}); err == nil {
		t.Error("a certificate for another name")
	}
}

// localDNS answers that every name is on this machine.
func localDNS(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		answer := new(dns.Msg)
		answer.SetReply(q)
		if len(q.Question) == 1 && q.Question[0].Qtype == dns.TypeA {
			answer.Answer = append(answer.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1),
			})
		}
		_ = w.WriteMsg(answer)
	})}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.ActivateAndServe() })
	t.Cleanup(func() { l.Close(); _ = srv.Shutdown(); wg.Wait() })
	return l.Addr().String()
}

func TestTLSMistakes(t *testing.T) {
	for name, c := range map[string]TLSConfig{
		"both":       {CertFile: "a", KeyFile: "b", ACME: ACMEConfig{Domains: []string{"x.example.com"}, CacheDir: "c"}},
		"no cache":   {ACME: ACMEConfig{Domains: []string{"x.example.com"}}},
		"only a key": {KeyFile: "b"},
	} {
		if _, err := c.config(t.Context()); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if cfg, err := (TLSConfig{}).config(t.Context()); cfg != nil || err != nil {
		t.Errorf("%v, %v", cfg, err)
	}
}
