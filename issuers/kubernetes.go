package issuers

import (
	"maps"
	"slices"
	"strings"

	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// KubernetesOptions are the optional parts of a [Kubernetes] issuer. The zero
// value is every default.
type KubernetesOptions struct {
	// JWKSURL is where the cluster publishes its keys, if that is neither
	// "/openid/v1/jwks" below the issuer nor, on EKS, "/keys". `kubectl get
	// --raw /.well-known/openid-configuration` prints it as "jwks_uri".
	JWKSURL string

	// InCluster fetches the keys from the API server of the cluster that this
	// program runs in, with the CA and the token that are mounted into its
	// pod. Its service account needs the role
	// "system:service-account-issuer-discovery".
	InCluster bool
}

// Kubernetes trusts service accounts of a cluster by the tokens that are
// projected into their pods. issuerURL is the cluster's service account
// issuer: the "issuer" that `kubectl get --raw
// /.well-known/openid-configuration` prints. audience is what the callers'
// serviceAccountToken volumes name. opts may be nil.
//
// Every pod of the cluster can have such a token, for any audience: callers
// says who may call, as "namespace/name". The client ID is the "sub",
// "system:serviceaccount:namespace:name". Who may create pods in a namespace
// can act as any of its service accounts.
//
// The issuer itself is refused as the audience: that is the API server's, and
// a caller that sends such a token gives its rights in the cluster away. So are
// tokens from Secrets, which never expire: their issuer is
// "kubernetes/serviceaccount".
//
// A token stays good here until it expires, though its pod be deleted.
//
// From "Configure Service Accounts for Pods" and "Managing Service Accounts"
// (kubernetes.io/docs), Amazon's "Fetch signing keys to validate OIDC tokens"
// and Kubernetes' source (pkg/serviceaccount/externaljwt), read on 2026-11-22
// in stored copies.
func Kubernetes(issuerURL, audience string, callers Callers, opts *KubernetesOptions) (verifier.Issuer, error) {
	if opts == nil {
		opts = &KubernetesOptions{}
	}
	const where = `the "issuer" that "kubectl get --raw /.well-known/openid-configuration" prints`
	m := mistakes{preset: "Kubernetes"}
	m.url(issuerURL, where)
	m.audience(audience, "the audience of the callers' serviceAccountToken volumes")
	if strings.TrimSuffix(audience, "/") == strings.TrimSuffix(issuerURL, "/") || strings.HasPrefix(audience, "https://kubernetes.default.svc") {
		m.add("the audience %.128q is the API server's: project tokens with one of this service's own", audience)
	}
	if len(callers) == 0 {
		m.add("no callers: every pod of the cluster can get a token for this audience; name the service accounts that may call")
	}
	subjects := make(Callers, len(callers))
	for _, name := range slices.Sorted(maps.Keys(callers)) {
		namespace, account, _ := strings.Cut(name, "/")
		if !isLabel(namespace) || !isHost("x."+account) {
			m.add("%.128q is no service account: write namespace/name", name)
		}
		subjects[serviceAccountPrefix+namespace+":"+account] = callers[name]
	}
	iss := verifier.Issuer{
		Name:           issuerURL,
		Audiences:      []string{audience},
		JWKSURL:        opts.JWKSURL,
		Algorithms:     []string{"RS256", "ES256"},
		TokenTypes:     []string{"", "JWT"}, // an external signer's have one
		ClientIDClaims: []string{"sub"},
	}
	switch {
	case opts.InCluster && opts.JWKSURL != "":
		m.add("both JWKSURL and InCluster are set: choose one")
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
			return scopes.Set{}, unlisted("the service account")
		}
		return set, nil
	}
}
