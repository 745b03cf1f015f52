package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authorityFiles are an authority of the user's own, and a certificate that it signed.
func authorityFiles(t *testing.T) (cert, key, ca string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // of both
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "node"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter}
	rootDER, rootErr := x509.CreateCertificate(rand.Reader, root, root, private.Public(), private)
	leafDER, leafErr := x509.CreateCertificate(rand.Reader, leaf, root, private.Public(), private)
	keyDER, keyErr := x509.MarshalPKCS8PrivateKey(private)
	if err := errors.Join(rootErr, leafErr, keyErr); err != nil {
		t.Fatal(err)
	}
	return write("cert.pem", "CERTIFICATE", leafDER), write("key.pem", "PRIVATE KEY", keyDER), write("ca.pem", "CERTIFICATE", rootDER)
}

// The port for the other nodes is for members only, whatever address it is on: not a word without TLS, none for who shows no
// certificate or one of another authority, and with a member's certificate nothing without the password of the key.
func TestThePortOfTheNodesIsForMembers(t *testing.T) {
	t.Parallel()
	key := newTestKey(t)
	cert, certKey, ca := authorityFiles(t)
	own, err := tls.LoadX509KeyPair(cert, certKey)
	if err != nil {
		t.Fatal(err)
	}
	stranger, member := tlsOf(t, t.Context(), newTestKey(t), "b").Certificates, tlsOf(t, t.Context(), key, "b").Certificates
	for name, tt := range map[string]struct {
		files    bool // the node has TLS files of the user's own
		plain    bool
		shows    []tls.Certificate
		password string
		in       bool
	}{
		"a member":                                   {shows: member, password: key.password("routes"), in: true},
		"without TLS":                                {plain: true, password: key.password("routes")},
		"without a certificate":                      {password: key.password("routes")},
		"the certificate of another cluster":         {shows: stranger, password: key.password("routes")},
		"a member's certificate and no key":          {shows: member, password: "guessed"},
		"a member, with files":                       {files: true, shows: []tls.Certificate{own}, password: key.password("routes"), in: true},
		"a derived certificate, where files are set": {files: true, shows: member, password: key.password("routes")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			embedded := &Embed{Listen: freeAddress(t), Peers: []string{"127.0.0.1:1", "127.0.0.1:2"}}
			if tt.files {
				embedded.Cert, embedded.Key, embedded.CA = cert, certKey, ca
			}
			s, _, err := embed(t.Context(), Config{
				Settings: Settings{Name: "hooks", Node: "a", Embed: embedded, MaxBytes: 1 << 20},
				Secret:   key, Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
			conn := dialUntilItListens(t, embedded.Listen)
			defer conn.Close() //nolint:errcheck // the node may have closed it
			if !tt.plain {
				conn = tls.Client(conn, &tls.Config{Certificates: tt.shows, InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}) // #nosec G402 -- a stranger does not check
			}
			_, sent := fmt.Fprintf(conn, "CONNECT {\"user\":\"hookctl\",\"pass\":%q,\"name\":\"b\",\"cluster\":\"hooks\"}\r\nPING\r\n", tt.password)
			said := ""
			for buf := make([]byte, 4096); !strings.Contains(said, "PONG"); {
				n, err := conn.Read(buf)
				said += string(buf[:n])
				if err != nil {
					break // closed by the node, which waits no longer than its time for a handshake
				}
			}
			if in := strings.Contains(said, "PONG"); in != tt.in {
				t.Errorf("let in: %v, want %v; %v, %q", in, tt.in, sent, said)
			}
			if told := strings.Contains(said, "INFO"); told && !tt.in && tt.shows == nil {
				t.Errorf("who shows nothing is told %q", said)
			}
		})
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only to find a free one
	return l.Addr().String()
}

func dialUntilItListens(t *testing.T, address string) net.Conn {
	t.Helper()
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
		pause(t.Context(), 10*time.Millisecond)
	}
}
