package issuers

import (
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/internal/redact"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// KubernetesOptions are the optional parts of a [Kubernetes] issuer. The zero
// value is the default.
type KubernetesOptions struct {
	// JWKSURL is the URL of the cluster's keys, if that is neither
	// "/openid/v1/jwks" below the issuer nor, on EKS, "/keys". `kubectl get
	// --raw /.well-known/openid-configuration` prints it as "jwks_uri".
	JWKSURL string

	// InCluster fetches the keys from the API server of the cluster that this
	// program runs in, with the CA and the token that are mounted into its pod.
	// Both are read again for every fetch. The pod's service account needs the
	// role "system:service-account-issuer-discovery".
	InCluster bool

	// JWKS becomes Issuer.JWKS. With InsecureHTTP, issuerURL may be plain http on
	// any host. InCluster sets its own Transport.
	JWKS verifier.JWKSOptions
}

// Kubernetes returns the issuer for service accounts of a cluster, by the tokens
// that are projected into their pods. issuerURL is the cluster's service account
// issuer: the "issuer" that `kubectl get --raw
// /.well-known/openid-configuration` prints. Plain http is admitted on loopback.
// audience is that of the callers' serviceAccountToken volumes. opts may be nil.
//
// Every pod of the cluster can get such a token, for any audience: callers lists
// the service accounts that may call, as "namespace/name". The client ID is the
// "sub", "system:serviceaccount:namespace:name". Everyone who may create pods in a
// namespace can act as any of its service accounts.
//
// The issuer itself is refused as the audience: it is the API server's, and a
// caller that sends such a token gives away its rights in the cluster. Tokens from
// Secrets never expire and are refused: their issuer is
// "kubernetes/serviceaccount".
//
// A token stays valid here until it expires, even if its pod was deleted.
func Kubernetes(issuerURL, audience string, callers Callers, opts *KubernetesOptions) (verifier.Issuer, error) {
	if opts == nil {
		opts = &KubernetesOptions{}
	}
	const where = `the "issuer" that "kubectl get --raw /.well-known/openid-configuration" prints`
	m := mistakes{preset: "Kubernetes"}
	m.url(issuerURL, opts.JWKS.InsecureHTTP, where)
	m.audience(audience, "the audience of the callers' serviceAccountToken volumes")
	if strings.TrimSuffix(audience, "/") == strings.TrimSuffix(issuerURL, "/") || strings.HasPrefix(audience, "https://kubernetes.default.svc") {
		m.add("the audience %s is the API server's: project tokens with one of this service's own", redact.Quote(audience))
	}
	if len(callers) == 0 {
		m.add("no callers: every pod of the cluster can get a token for this audience; name the service accounts that may call")
	}
	subjects := make(Callers, len(callers))
	for _, name := range slices.Sorted(maps.Keys(callers)) {
		namespace, account, _ := strings.Cut(name, "/")
		if !isLabel(namespace) || !isHost("x."+account) {
			m.add("%s is no service account: write namespace/name", redact.Quote(name))
		}
		subjects[serviceAccountPrefix+namespace+":"+account] = callers[name]
	}
	iss := verifier.Issuer{
		Name:           issuerURL,
		Audiences:      []string{audience},
		JWKSURL:        opts.JWKSURL,
		JWKS:           opts.JWKS,
		Algorithms:     []string{"RS256", "ES256"},
		TokenTypes:     []string{"", "JWT"}, // external signers set one
		ClientIDClaims: []string{"sub"},
	}
	switch {
	case opts.InCluster && opts.JWKSURL != "":
		m.add("both JWKSURL and InCluster are set: choose one")
	case opts.InCluster && opts.JWKS.Transport != nil:
		m.add("both JWKS.Transport and InCluster are set: choose one")
	case opts.InCluster:
		m.inCluster(&iss, serviceAccountDir)
	case opts.JWKSURL == "" && strings.HasPrefix(issuerURL, "https://oidc.eks."):
		iss.JWKSURL = issuerURL + "/keys"
	case opts.JWKSURL == "":
		iss.JWKSURL = strings.TrimSuffix(issuerURL, "/") + "/openid/v1/jwks"
	}
	matchKubernetes(subjects).apply(&iss)
	return m.result(iss)
}

const serviceAccountPrefix = "system:serviceaccount:"

func matchKubernetes(subjects Callers) matcher {
	return func(c verifier.Client) (scopes.Set, error) {
		if !strings.HasPrefix(c.Subject, serviceAccountPrefix) {
			return scopes.Set{}, notMachine(`"sub" is not a service account`)
		}
		set, ok := subjects[c.Subject]
		if !ok {
			return scopes.Set{}, unlisted(c, "the service account", "sub")
		}
		return set, nil
	}
}
