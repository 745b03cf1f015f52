package cluster

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"time"
)

// KeyVariable is the variable in .env that holds the key of the cluster.
const KeyVariable = "HOOKCTL_CLUSTER_KEY"

const keySize = 32

// Key is what the nodes of a cluster have in common. It encrypts the secrets that they share and proves to each that the other
// is a member: passwords and certificates of the connections between embedded nodes are derived from it. It prints itself
// redacted.
type Key struct{ raw []byte }

// NewKey returns a new key as text, 64 hex digits.
func NewKey() (string, error) {
	raw := make([]byte, keySize)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("generate a cluster key: %w", err)
	}
	return hex.EncodeToString(raw), nil
}

// ParseKey reads a key.
func ParseKey(text string) (Key, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != keySize {
		return Key{}, fmt.Errorf("%s is not set to %d hex digits", KeyVariable, 2*keySize)
	}
	return Key{raw}, nil
}

// String shows nothing of the key.
func (k Key) String() string { return "cluster key" }

// GoString is String.
func (k Key) GoString() string { return k.String() }

// LogValue is String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON is String.
func (k Key) MarshalJSON() ([]byte, error) { return []byte(`"cluster key"`), nil }

// derive gives a key for one purpose.
func (k Key) derive(purpose string, size int) []byte {
	out, err := hkdf.Key(sha256.New, k.raw, nil, "hookctl cluster "+purpose, size)
	if err != nil {
		panic(err) // only for a size that is not possible
	}
	return out
}

func (k Key) password(purpose string) string { return hex.EncodeToString(k.derive(purpose, 24)) }

// Instance names the cluster at /healthz. It shows nothing of the key.
func (k Key) Instance() string { return hex.EncodeToString(k.derive("instance", 16)) }

// seal encrypts what the nodes share; open undoes it. about is bound to it.
func (k Key) seal(about string, plain []byte) ([]byte, error) {
	gcm, err := k.gcm()
	if err != nil {
		return nil, err
	}
	return gcm.Seal(nil, nil, plain, []byte(about)), nil // #nosec G407 -- it makes the nonce itself.
}

var errForeign = errors.New("it was encrypted with another " + KeyVariable)

func (k Key) open(about string, sealed []byte) ([]byte, error) {
	gcm, err := k.gcm()
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nil, sealed, []byte(about))
	if err != nil {
		return nil, errForeign
	}
	return plain, nil
}

// gcm puts a nonce before what it encrypts.
func (k Key) gcm() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.derive("secrets", 32))
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// tls is the mutual TLS between embedded nodes. Without files the authority is derived from the key and this node's certificate
// is made at every start, so there is nothing to distribute and nothing to renew: who has the key is a member. Names are not
// checked, since every member may have any address; the authority is. The configuration dials and accepts; ctx ends the wait of a
// dialer.
func (k Key) tls(ctx context.Context, e *Embed, node string, now time.Time) (conf *tls.Config, expires time.Time, err error) {
	var cert tls.Certificate
	pool := x509.NewCertPool()
	if e.Cert != "" {
		if cert, err = tls.LoadX509KeyPair(e.Cert, e.Key); err != nil {
			return nil, expires, fmt.Errorf("embed.tls: %w", err)
		}
		pem, err := os.ReadFile(e.CA)
		if err != nil {
			return nil, expires, fmt.Errorf("embed.tls: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, expires, fmt.Errorf("embed.tls: %s has no certificate", e.CA)
		}
		expires = cert.Leaf.NotAfter
	} else if cert, err = k.certificate(pool, node, now); err != nil {
		return nil, expires, fmt.Errorf("derive certificates: %w", err)
	}
	verify := func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("the other side has no certificate")
		}
		between := x509.NewCertPool()
		for _, c := range state.PeerCertificates[1:] {
			between.AddCert(c)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		return err
	}
	accept := &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientCAs: pool, RootCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, VerifyConnection: verify, // #nosec G402 -- VerifyConnection checks the authority
	}
	conf = accept.Clone()
	conf.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return accept, nil }
	conf.VerifyConnection = func(state tls.ConnectionState) error {
		if err := verify(state); err != nil {
			return err
		}
		wait := yields(cert.Certificate[0], state.PeerCertificates[0].Raw)
		if wait == 0 {
			return nil
		}
		pause(ctx, wait)
		return ctx.Err()
	}
	return conf, expires, nil
}

// certificate derives the authority, adds it to the pool and makes a certificate for this node.
func (k Key) certificate(pool *x509.CertPool, node string, now time.Time) (tls.Certificate, error) {
	authority := ed25519.NewKeyFromSeed(k.derive("authority", ed25519.SeedSize))
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hookctl cluster"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, authority.Public(), authority)
	if err != nil {
		return tls.Certificate{}, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	pool.AddCert(parsed)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: node},
		NotBefore: time.Unix(0, 0), NotAfter: root.NotAfter, // clocks may differ; the key is what ends a membership
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if der, err = x509.CreateCertificate(rand.Reader, leaf, parsed, public, authority); err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, nil
}
