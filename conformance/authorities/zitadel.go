package authorities

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Zitadel runs an authority of zitadel/oidc, the library of Zitadel, in the test's own
// process. It issues ES256 JWTs for ResourceES256 to clients with a secret, and by
// the jwt-bearer grant (RFC 7523 §2.1) JWTs for itself to issuers of assertions.
type Zitadel struct {
	Issuer string
	CA     *CA
	store  *zitadelStorage
}

// StartZitadel starts an authority without clients. It ends with the test.
func StartZitadel(tb testing.TB) *Zitadel {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	z := &Zitadel{CA: NewCA(tb), store: &zitadelStorage{
		key:     key,
		secrets: map[string]string{},
		keys:    map[string]map[string]crypto.PublicKey{},
		tokens:  map[string]*oidc.JWTTokenRequest{},
	}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z.store.handler.ServeHTTP(w, r)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{z.CA.Server()}}
	server.StartTLS()
	tb.Cleanup(server.Close)
	z.Issuer = server.URL
	z.store.handler, err = op.NewProvider(&op.Config{
		CryptoKeyId:             "1",
		AuthMethodPost:          true,
		AuthMethodPrivateKeyJWT: true,
	}, z.store, op.StaticIssuer(z.Issuer))
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

// Register adds a client of the client_credentials grant, or changes its secret.
func (z *Zitadel) Register(clientID, secret string) {
	z.store.mu.Lock()
	defer z.store.mu.Unlock()
	z.store.secrets[clientID] = secret
}

// Trust accepts assertions that an issuer has signed with the key (RFC 7523 §3).
func (z *Zitadel) Trust(issuer, keyID string, key crypto.PublicKey) {
	z.store.mu.Lock()
	defer z.store.mu.Unlock()
	z.store.keys[issuer] = map[string]crypto.PublicKey{keyID: key}
}

// zitadelStorage keeps clients and tokens. Methods of the interface that machines
// don't reach are left nil.
type zitadelStorage struct {
	op.Storage
	handler http.Handler
	key     *ecdsa.PrivateKey

	mu      sync.Mutex
	secrets map[string]string
	keys    map[string]map[string]crypto.PublicKey
	tokens  map[string]*oidc.JWTTokenRequest
}

func (s *zitadelStorage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if want, ok := s.secrets[id]; !ok || secret != want {
		return errors.New("unknown client or wrong secret")
	}
	return nil
}

func (s *zitadelStorage) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	if err := s.AuthorizeClientIDSecret(ctx, id, secret); err != nil {
		return nil, err
	}
	return zitadelClient{id: id}, nil
}

func (s *zitadelStorage) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Issuer: id, Subject: id, Audience: []string{ResourceES256}, Scopes: scopes}, nil
}

func (s *zitadelStorage) GetKeyByIDAndClientID(_ context.Context, keyID, issuer string) (*jose.JSONWebKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, ok := s.keys[issuer][keyID]
	if !ok {
		return nil, errors.New("unknown issuer or key")
	}
	return &jose.JSONWebKey{KeyID: keyID, Use: "sig", Key: key}, nil
}

func (s *zitadelStorage) ValidateJWTProfileScopes(_ context.Context, _ string, scopes []string) ([]string, error) {
	return scopes, nil
}

func (s *zitadelStorage) JWTProfileTokenType(context.Context, op.TokenRequest) (op.AccessTokenType, error) {
	return op.AccessTokenTypeJWT, nil
}

func (s *zitadelStorage) GetPrivateClaimsFromScopes(_ context.Context, _, _ string, scopes []string) (map[string]any, error) {
	return map[string]any{"scope": strings.Join(scopes, " ")}, nil
}

func (s *zitadelStorage) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := rand.Text()
	s.tokens[id], _ = r.(*oidc.JWTTokenRequest)
	return id, time.Now().Add(time.Hour), nil
}

func (s *zitadelStorage) SetIntrospectionFromToken(_ context.Context, r *oidc.IntrospectionResponse, id, subject, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := s.tokens[id]
	if token == nil {
		return errors.New("unknown token")
	}
	r.Subject, r.ClientID, r.Scope, r.Audience = subject, subject, token.Scopes, token.Audience
	return nil
}

func (s *zitadelStorage) RevokeToken(_ context.Context, id, _, _ string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, id)
	return nil
}

func (s *zitadelStorage) SigningKey(context.Context) (op.SigningKey, error) {
	return zitadelKey{s.key}, nil
}

func (s *zitadelStorage) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{zitadelPublicKey{zitadelKey{s.key}}}, nil
}

func (s *zitadelStorage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

func (s *zitadelStorage) Health(context.Context) error { return nil }

type zitadelKey struct{ key *ecdsa.PrivateKey }

func (zitadelKey) ID() string                                  { return "1" }
func (zitadelKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k zitadelKey) Key() any                                  { return k.key }

type zitadelPublicKey struct{ zitadelKey }

func (zitadelPublicKey) Use() string                        { return "sig" }
func (zitadelPublicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k zitadelPublicKey) Key() any                         { return k.key.Public() }

// zitadelClient is a client of the client_credentials grant.
type zitadelClient struct {
	op.Client
	id string
}

func (c zitadelClient) GetID() string { return c.id }
func (zitadelClient) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}
func (zitadelClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
func (zitadelClient) ClockSkew() time.Duration            { return 0 }
func (zitadelClient) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return slices.Clone[[]string]
}
