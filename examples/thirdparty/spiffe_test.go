package thirdparty

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
	"github.com/spiffe/go-spiffe/v2/bundle/jwtbundle"
	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// trustDomain is a trust domain with one key for JWT-SVIDs.
type trustDomain struct {
	name  spiffeid.TrustDomain
	key   *ecdsa.PrivateKey
	keyID string
}

func newTrustDomain(t *testing.T, name string) trustDomain {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return trustDomain{spiffeid.RequireTrustDomainFromString(name), key, rand.Text()}
}

func (d trustDomain) keys() map[string]crypto.PublicKey {
	return map[string]crypto.PublicKey{d.keyID: d.key.Public()}
}

// svid returns a JWT-SVID as SPIRE signs it: with a kid, without iss.
func (d trustDomain) svid(t *testing.T, subject string, audience ...string) string {
	t.Helper()
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: d.key, KeyID: d.keyID}},
		new(jose.SignerOptions).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Subject: subject, Audience: audience, IssuedAt: jwt.NewNumericDate(time.Now()), Expiry: jwt.NewNumericDate(time.Now().Add(5 * time.Minute)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// workloadAPI serves the bundles of trust domains as SPIRE's agent does.
type workloadAPI struct {
	workload.UnimplementedSpiffeWorkloadAPIServer
	mu      sync.Mutex
	bundles map[string][]byte
}

func (w *workloadAPI) publish(t *testing.T, domains ...trustDomain) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bundles = make(map[string][]byte)
	for _, d := range domains {
		doc, err := jwtbundle.FromJWTAuthorities(d.name, d.keys()).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		w.bundles[d.name.IDString()] = doc
	}
}

func (w *workloadAPI) FetchJWTBundles(_ *workload.JWTBundlesRequest, stream workload.SpiffeWorkloadAPI_FetchJWTBundlesServer) error {
	w.mu.Lock()
	bundles := w.bundles
	w.mu.Unlock()
	if err := stream.Send(&workload.JWTBundlesResponse{Bundles: bundles}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

const spiffeAudience = "spiffe://prod.example/orders"

// spiffeWorld serves the bundle of prod.example by the Workload API, and that of the
// federated partner.example at a bundle endpoint. It returns a verifier for both.
func spiffeWorld(t *testing.T, prod, partner trustDomain) (*verifier.Verifier, *workloadAPI) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "api.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	api := &workloadAPI{}
	api.publish(t, prod, partner)
	server := grpc.NewServer()
	workload.RegisterSpiffeWorkloadAPIServer(server, api)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	client, err := workloadapi.New(t.Context(), workloadapi.WithAddr("unix://"+socket), workloadapi.WithDialOptions(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })

	// A bundle endpoint with the profile https_web.
	endpoint := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		bundle := spiffebundle.FromJWTAuthorities(partner.name, partner.keys())
		bundle.SetRefreshHint(5 * time.Minute)
		bundle.SetSequenceNumber(7)
		doc, err := bundle.Marshal()
		if err != nil {
			t.Error(err)
		}
		w.Write(doc)
	}))
	t.Cleanup(endpoint.Close)

	own, err := issuers.SPIFFE("prod.example", spiffeAudience, &issuers.SPIFFEOptions{
		FetchBundle: workloadBundle(client, prod.name),
		Callers:     issuers.Callers{"spiffe://prod.example/ns/shop/*": scopes.Of("orders.read")},
	})
	if err != nil {
		t.Fatal(err)
	}
	federated, err := issuers.SPIFFE("partner.example", spiffeAudience, &issuers.SPIFFEOptions{
		BundleURL: endpoint.URL,
		JWKS:      verifier.JWKSOptions{Transport: endpoint.Client().Transport},
		Callers:   issuers.Callers{"spiffe://partner.example/importer": scopes.Of("orders.write")},
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{own, federated}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v, api
}

// TestSPIFFE compares the verifier with go-spiffe on JWT-SVIDs of two federated trust
// domains, with bundles that go-spiffe writes.
func TestSPIFFE(t *testing.T) {
	prod, partner, stranger := newTrustDomain(t, "prod.example"), newTrustDomain(t, "partner.example"), newTrustDomain(t, "stranger.example")
	v, _ := spiffeWorld(t, prod, partner)
	bundles := jwtbundle.NewSet(jwtbundle.FromJWTAuthorities(prod.name, prod.keys()), jwtbundle.FromJWTAuthorities(partner.name, partner.keys()))
	for _, tt := range []struct {
		name, token string
		want        verifier.Reason // "" if accepted
		lists       bool            // go-spiffe has no list of callers, and accepts it
		scopes      string
	}{
		{"a workload", prod.svid(t, "spiffe://prod.example/ns/shop/cart", spiffeAudience), "", false, "orders.read"},
		{"a federated workload", partner.svid(t, "spiffe://partner.example/importer", spiffeAudience, "other"), "", false, "orders.write"},
		{"a workload that is no caller", prod.svid(t, "spiffe://prod.example/ns/shopping/cart", spiffeAudience), verifier.NotAccepted, true, ""},
		{"the partner's key for a workload of ours", partner.svid(t, "spiffe://prod.example/ns/shop/cart", spiffeAudience), verifier.KeysUnavailable, false, ""},
		{"our key for a workload of the partner", prod.svid(t, "spiffe://partner.example/importer", spiffeAudience), verifier.KeysUnavailable, false, ""},
		{"a stranger", stranger.svid(t, "spiffe://stranger.example/x", spiffeAudience), verifier.UnknownIssuer, false, ""},
		{"another audience", prod.svid(t, "spiffe://prod.example/ns/shop/cart", "spiffe://prod.example/stock"), verifier.Audience, false, ""},
		{"no audience", prod.svid(t, "spiffe://prod.example/ns/shop/cart"), verifier.Audience, false, ""},
		{"dot segments", prod.svid(t, "spiffe://prod.example/ns/shop/../admin", spiffeAudience), verifier.UnknownIssuer, false, ""},
		{"a percent-escape", prod.svid(t, "spiffe://prod.example/ns%2Fshop/cart", spiffeAudience), verifier.UnknownIssuer, false, ""},
		{"upper case", prod.svid(t, "spiffe://PROD.example/ns/shop/cart", spiffeAudience), verifier.UnknownIssuer, false, ""},
		{"a port", prod.svid(t, "spiffe://prod.example:443/ns/shop/cart", spiffeAudience), verifier.UnknownIssuer, false, ""},
	} {
		client, err := v.Verify(t.Context(), tt.token)
		if err == nil && tt.want != "" || err != nil && verifier.AsError(err).Reason != tt.want {
			t.Errorf("Verify(%s) = %v, want %q", tt.name, err, tt.want)
		}
		if got := client.Scopes.String(); got != tt.scopes {
			t.Errorf("Verify(%s).Scopes = %q, want %q", tt.name, got, tt.scopes)
		}
		svid, err := jwtsvid.ParseAndValidate(tt.token, bundles, []string{spiffeAudience})
		if accepts := err == nil; accepts != (tt.want == "" || tt.lists) {
			t.Errorf("go-spiffe on %s: %v, want the same verdict", tt.name, err)
		} else if accepts && tt.want == "" && svid.ID.String() != client.ID {
			t.Errorf("Verify(%s).ID = %q, want go-spiffe's %q", tt.name, client.ID, svid.ID)
		}
	}
}

// TestSPIFFERotation: a key that the Workload API no longer delivers is refused.
func TestSPIFFERotation(t *testing.T) {
	prod, partner := newTrustDomain(t, "prod.example"), newTrustDomain(t, "partner.example")
	v, api := spiffeWorld(t, prod, partner)
	old := prod.svid(t, "spiffe://prod.example/ns/shop/cart", spiffeAudience)
	if _, err := v.Verify(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	next := newTrustDomain(t, "prod.example")
	api.publish(t, next, partner)
	for range 2 { // a removal is confirmed by a second look
		if err := v.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.Verify(t.Context(), old); err == nil {
		t.Error("Verify(token of the replaced key) = nil, want an error")
	}
	if _, err := v.Verify(t.Context(), next.svid(t, "spiffe://prod.example/ns/shop/cart", spiffeAudience)); err != nil {
		t.Errorf("Verify(token of the new key) = %v, want nil", err)
	}
	if s := v.Status()[0].String(); strings.Contains(s, "problems") {
		t.Errorf("Status() = %s, want no problems", s)
	}
}
