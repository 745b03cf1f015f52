package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hookctl/server"
	"hookctl/server/doctor"
)

// A certificate file is checked while nothing runs, too: broken, expired, about to expire, and fine.
func TestDoctorChecksTheReceiversCertificate(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		left       time.Duration
		want, fail string
	}{
		"fine":          {90 * 24 * time.Hour, "valid until 20", ""},
		"expires soon":  {24 * time.Hour, "", "has not been renewed"},
		"expired":       {-time.Hour, "", "GitHub delivers nothing"},
		"another's key": {0, "", "private key does not match"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, signer := t.TempDir(), key
			if tt.left == 0 {
				var err error
				if signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
					t.Fatal(err)
				}
			}
			plan := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(tt.left)}
			certificate, err := x509.CreateCertificate(rand.Reader, plan, plan, signer.Public(), signer)
			if err != nil {
				t.Fatal(err)
			}
			files := server.TLSConfig{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
			for file, block := range map[string]*pem.Block{files.CertFile: {Type: "CERTIFICATE", Bytes: certificate}, files.KeyFile: {Type: "EC PRIVATE KEY", Bytes: private}} {
				if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := certificateProbe(files).Check(t.Context())
			if !strings.Contains(got, tt.want) || (err == nil) != (tt.fail == "") || err != nil && !strings.Contains(err.Error(), tt.fail) {
				t.Errorf("%q, %v", got, err)
			}
			if warns := errors.As(err, new(*doctor.Warning)); warns != (name == "expires soon") {
				t.Errorf("a warning: %t", warns)
			}
		})
	}
}
