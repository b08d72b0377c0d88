package issuers_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/m2mauth/m2mauth/issuers"
	"github.com/m2mauth/m2mauth/verifier"
)

// TestMistakes: malformed arguments are refused, and the error says where to
// find the right ones.
func TestMistakes(t *testing.T) {
	okCallers := issuers.Callers{"a/b": {}}
	googleCallers := issuers.Callers{"a@b.iam.gserviceaccount.com": {}}
	auth0 := func(domain, audience string) func() (verifier.Issuer, error) {
		return func() (verifier.Issuer, error) { return issuers.Auth0(domain, audience) }
	}
	okta := func(issuer string) func() (verifier.Issuer, error) {
		return func() (verifier.Issuer, error) { return issuers.Okta(issuer, "api://default") }
	}
	entra := func(tenantID, client string) func() (verifier.Issuer, error) {
		return func() (verifier.Issuer, error) { return issuers.EntraV2(tenantID, client) }
	}
	entra1 := func(tenantID string, audience ...string) func() (verifier.Issuer, error) {
		return func() (verifier.Issuer, error) { return issuers.EntraV1(tenantID, audience[0], audience[1:]...) }
	}
	keycloak := func(realm, audience string) func() (verifier.Issuer, error) {
		return func() (verifier.Issuer, error) { return issuers.Keycloak(realm, audience, nil) }
	}
	cognito := func(pool string, clients ...string) func() (verifier.Issuer, error) {
		return func() (verifier.Issuer, error) { return issuers.Cognito(pool, clients[0], clients[1:]...) }
	}
	google := func(callers issuers.Callers) func() (verifier.Issuer, error) {
		return func() (verifier.Issuer, error) { return issuers.Google(api, callers) }
	}
	github := func(audience string, callers ...issuers.GitHubCaller) func() (verifier.Issuer, error) {
		return func() (verifier.Issuer, error) { return issuers.GitHubActions(audience, callers[0], callers[1:]...) }
	}
	zitadel := func(domain, project string, users ...string) func() (verifier.Issuer, error) {
		return func() (verifier.Issuer, error) {
			return issuers.Zitadel(domain, project, &issuers.ZitadelOptions{ServiceUsers: users})
		}
	}
	kubernetes := func(issuer, audience string, callers issuers.Callers, opts issuers.KubernetesOptions) func() (verifier.Issuer, error) {
		return func() (verifier.Issuer, error) { return issuers.Kubernetes(issuer, audience, callers, &opts) }
	}
	const realm, cluster = "https://sso.example.com/realms/prod", "https://k8s.example.com"
	for _, tt := range []struct {
		name string
		call func() (verifier.Issuer, error)
		want []string // in the error
	}{
		{"Auth0: everything at once", auth0("", ""), []string{"is no domain", "the audience"}},
		{"Auth0: a URL", auth0("https://acme.eu.auth0.com/", api), []string{"without scheme"}},
		{"Auth0: in capitals", auth0("Acme.eu.auth0.com", api), []string{"in lower case"}},
		{"Auth0: a tenant's name", auth0("acme", api), []string{"acme.eu.auth0.com"}},
		{"Auth0: a path", auth0("acme.eu.auth0.com/x", api), []string{"is no domain"}},
		{"Auth0: a port", auth0("acme.eu.auth0.com:443", api), []string{"is no domain"}},
		{"Auth0: userinfo", auth0("acme.eu.auth0.com", "https://acme.eu.auth0.com/userinfo"), []string{"Auth0's own"}},
		{"Auth0: the Management API", auth0("acme.eu.auth0.com", "https://acme.eu.auth0.com/api/v2/"), []string{"Auth0's own"}},
		{"Auth0: an audience with a newline", auth0("acme.eu.auth0.com", api+"\n"), []string{"Identifier"}},

		{"Okta: the org server", okta("https://acme.okta.com"), []string{"org authorization server", "Security > API"}},
		{"Okta: the org server with a slash", okta("https://acme.okta.com/"), []string{"org authorization server"}},
		{"Okta: the org server's endpoints", okta("https://acme.okta.com/oauth2/v1"), []string{"org authorization server"}},
		{"Okta: the org server's oauth2", okta("https://acme.okta.com/oauth2"), []string{"org authorization server"}},
		{"Okta: no server", okta("https://acme.okta.com/oauth2/"), []string{"org authorization server"}},
		{"Okta: the admin console", okta("https://acme-admin.okta.com/oauth2/default"), []string{"admin console's address"}},
		{"Okta: a slash at the end", okta("https://acme.okta.com/oauth2/default/"), []string{"is no Issuer URI"}},
		{"Okta: the metadata", okta("https://acme.okta.com/oauth2/default/.well-known/openid-configuration"), []string{"is no Issuer URI"}},
		{"Okta: ftp", okta("ftp://acme.okta.com/oauth2/default"), []string{"is not https"}},
		{"Okta: a domain", okta("acme.okta.com"), []string{"is no absolute URL"}},
		{"Okta: a query", okta("https://acme.okta.com/oauth2/default?x"), []string{"query or a fragment"}},
		{"Okta: a user", okta("https://a@acme.okta.com/oauth2/default"), []string{"credentials"}},

		{"Entra: common", entra("common", apiID), []string{"many tenants", "several issuers"}},
		{"Entra: organizations", entra("organizations", apiID), []string{"many tenants"}},
		{"Entra: consumers", entra("consumers", apiID), []string{"many tenants"}},
		{"Entra: common, v1", entra1("common", apiID), []string{"many tenants"}},
		{"Entra: the tenant of personal accounts", entra("9188040d-6c67-4c5b-b112-36a304b66dad", apiID), []string{"personal accounts"}},
		{"Entra: the template", entra("{tenantid}", apiID), []string{"Directory (tenant) ID"}},
		{"Entra: a domain", entra("acme.onmicrosoft.com", apiID), []string{"not a domain"}},
		{"Entra: in capitals", entra(strings.ToUpper(tenant), apiID), []string{"lower case"}},
		{"Entra: a URI for v2", entra(tenant, "api://reports"), []string{"use EntraV1"}},
		{"Entra: everything at once", entra("x", "y"), []string{"no tenant ID", "no Application (client) ID"}},
		{"Entra: Graph", entra1(tenant, apiID, "https://graph.microsoft.com"), []string{"Microsoft Graph"}},
		{"Entra: Graph by ID", entra1(tenant, "00000003-0000-0000-c000-000000000000"), []string{"Microsoft Graph"}},
		{"Entra: an empty audience", entra1(tenant, apiID, ""), []string{"Application ID URI"}},

		{"Keycloak: everything at once", keycloak("x", ""), []string{"is no absolute URL", "no realm", "the audience"}},
		{"Keycloak: no realm", keycloak("https://sso.example.com", "reports"), []string{"names no realm", "Realm settings"}},
		{"Keycloak: an endpoint", keycloak(realm+"/protocol/openid-connect/certs", "reports"), []string{"more than that"}},
		{"Keycloak: a slash at the end", keycloak(realm+"/", "reports"), []string{"more than that"}},
		{"Keycloak: http to a private address", keycloak("http://10.0.0.1/realms/prod", "reports"), []string{"is not https"}},
		{"Keycloak: http", keycloak("http://sso.example.com/realms/prod", "reports"), []string{"is not https"}},
		{"Keycloak: http on another private host", keycloak("http://10.0.0.1/realms/prod", "reports"), []string{"is not https"}},
		{"Keycloak: dots", keycloak("https://sso.example.com/x/../realms/prod", "reports"), []string{"dot segments"}},
		{"Keycloak: account", keycloak(realm, "account"), []string{"Keycloak's own", "audience mapper"}},
		{"Keycloak: scopes", func() (verifier.Issuer, error) {
			return issuers.Keycloak(realm, "reports", &issuers.KeycloakOptions{Scopes: 3})
		}, []string{"Scopes is 3"}},

		{"Cognito: everything at once", cognito("x", ""), []string{"no user pool ID", "no client ID"}},
		{"Cognito: without region", cognito("Ab12Cd34E", "a"), []string{"region and underscore"}},
		{"Cognito: an ARN", cognito("arn:aws:cognito-idp:eu-west-1:1:userpool/eu-west-1_A", "a"), []string{"no user pool ID"}},
		{"Cognito: another host", cognito("eu-west-1.evil.com/_A", "a"), []string{"no user pool ID"}},
		{"Cognito: a client's name", cognito("eu-west-1_Ab12Cd34E", "a", "my app"), []string{"not its name"}},

		{"Google: nobody", google(nil), []string{"everyone in the world"}},
		{"Google: a person", google(issuers.Callers{"ada@example.com": {}}), []string{"is no service account"}},
		{"Google: a domain that ends like it", google(issuers.Callers{"a@evilgserviceaccount.com": {}}), []string{"is no service account"}},
		{"Google: a name", google(issuers.Callers{"billing": {}}), []string{"IAM & Admin"}},
		{"Google: two", google(issuers.Callers{"x": {}, "y": {}}), []string{`"x"`, `"y"`}},
		{"Google: no audience", func() (verifier.Issuer, error) { return issuers.Google("", googleCallers) }, []string{"the audience"}},

		{"GitHub: anybody", github(api, issuers.GitHubCaller{Ref: "refs/heads/main"}), []string{"everyone in the world"}},
		{"GitHub: a name", github(api, issuers.GitHubCaller{OwnerID: "octo-org"}), []string{"gh api repos"}},
		{"GitHub: a branch", github(api, issuers.GitHubCaller{OwnerID: "1", Ref: "main"}), []string{"refs/heads/BRANCH"}},
		{"GitHub: a workflow's name", github(api, issuers.GitHubCaller{OwnerID: "1", Workflow: "deploy"}), []string{"job_workflow_ref"}},
		{"GitHub: the second", github(api, issuers.GitHubCaller{OwnerID: "1"}, issuers.GitHubCaller{}), []string{"caller 1"}},
		{"GitHub: the default audience", github("https://github.com/octo-org", issuers.GitHubCaller{OwnerID: "1"}), []string{"core.getIDToken"}},

		{"Zitadel: everything at once", zitadel("", "", ""), []string{"is no domain", "no project ID", "no user ID"}},
		{"Zitadel: http", zitadel("http://zitadel.internal", "1"), []string{"is not https"}},
		{"Zitadel: a path", zitadel("http://localhost:8080/x", "1"), []string{"has a path"}},
		{"Zitadel: a slash", zitadel("https://acme.zitadel.cloud/", "1"), []string{"has a path"}},
		{"Zitadel: a project's name", zitadel("acme.zitadel.cloud", "reports"), []string{"Resource ID"}},
		{"Zitadel: a user's name", zitadel("acme.zitadel.cloud", "1", "worker"), []string{"not its name"}},

		{"Kubernetes: nobody", kubernetes(cluster, api, nil, issuers.KubernetesOptions{}), []string{"every pod"}},
		{"Kubernetes: a Secret's issuer", kubernetes("kubernetes/serviceaccount", api, okCallers, issuers.KubernetesOptions{}), []string{"kubectl get --raw"}},
		{"Kubernetes: the API server's audience", kubernetes(cluster, cluster+"/", okCallers, issuers.KubernetesOptions{}), []string{"API server's"}},
		{"Kubernetes: its default audience", kubernetes(cluster, "https://kubernetes.default.svc", okCallers, issuers.KubernetesOptions{}), []string{"API server's"}},
		{"Kubernetes: no namespace", kubernetes(cluster, api, issuers.Callers{"worker": {}}, issuers.KubernetesOptions{}), []string{"namespace/name"}},
		{"Kubernetes: a subject", kubernetes(cluster, api, issuers.Callers{"system:serviceaccount:a:b": {}}, issuers.KubernetesOptions{}), []string{"namespace/name"}},
		{"Kubernetes: a colon", kubernetes(cluster, api, issuers.Callers{"a/b:c": {}}, issuers.KubernetesOptions{}), []string{"namespace/name"}},
		{"Kubernetes: two places", kubernetes(cluster, api, okCallers, issuers.KubernetesOptions{JWKSURL: cluster, InCluster: true}), []string{"choose one"}},
		{"Kubernetes: two transports", kubernetes(cluster, api, okCallers, issuers.KubernetesOptions{
			InCluster: true, JWKS: verifier.JWKSOptions{Transport: http.DefaultTransport},
		}), []string{"choose one"}},
		{"Kubernetes: http", kubernetes("http://k3s.internal:6443", api, okCallers, issuers.KubernetesOptions{}), []string{"is not https"}},
		{"Kubernetes: no pod", kubernetes(cluster, api, okCallers, issuers.KubernetesOptions{InCluster: true}), []string{"this is no pod"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			iss, err := tt.call()
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if iss.Name != "" || iss.Accept != nil {
				t.Error("an issuer beside the error")
			}
		})
	}
}

// TestAddresses: name, key set and algorithms follow from the arguments, and the
// verifier accepts them.
func TestAddresses(t *testing.T) {
	insecure := verifier.JWKSOptions{InsecureHTTP: true}
	callers := issuers.Callers{"a/b": {}}
	kubernetes := func(issuer string, opts *issuers.KubernetesOptions) func() (verifier.Issuer, error) {
		return func() (verifier.Issuer, error) { return issuers.Kubernetes(issuer, api, callers, opts) }
	}
	for _, tt := range []struct {
		name      string
		call      func() (verifier.Issuer, error)
		wantName  string
		wantKeys  string
		algorithm string
	}{
		{"Auth0's custom domain", func() (verifier.Issuer, error) { return issuers.Auth0("login.example.com", api) },
			"https://login.example.com/", "https://login.example.com/.well-known/jwks.json", "RS256"},
		{"Okta", func() (verifier.Issuer, error) { return issuers.Okta("https://id.example.com/oauth2/aus9o7", api) },
			"https://id.example.com/oauth2/aus9o7", "https://id.example.com/oauth2/aus9o7/v1/keys", "RS256"},
		{"Entra v2.0", func() (verifier.Issuer, error) { return issuers.EntraV2(tenant, apiID) },
			"https://login.microsoftonline.com/" + tenant + "/v2.0", "https://login.microsoftonline.com/" + tenant + "/discovery/v2.0/keys", "RS256"},
		{"Entra v1.0", func() (verifier.Issuer, error) { return issuers.EntraV1(tenant, apiID) },
			"https://sts.windows.net/" + tenant + "/", "https://login.microsoftonline.com/" + tenant + "/discovery/keys", "RS256"},
		{"Keycloak of old", func() (verifier.Issuer, error) {
			return issuers.Keycloak("https://sso.example.com/auth/realms/prod", "reports", nil)
		}, "https://sso.example.com/auth/realms/prod", "https://sso.example.com/auth/realms/prod/protocol/openid-connect/certs", ""},
		{"Keycloak for development", func() (verifier.Issuer, error) {
			return issuers.Keycloak("http://localhost:8080/realms/r", "reports", nil)
		},
			"http://localhost:8080/realms/r", "http://localhost:8080/realms/r/protocol/openid-connect/certs", ""},
		{"Keycloak by http", func() (verifier.Issuer, error) {
			return issuers.Keycloak("http://keycloak:8080/realms/r", "reports", &issuers.KeycloakOptions{JWKS: insecure})
		}, "http://keycloak:8080/realms/r", "http://keycloak:8080/realms/r/protocol/openid-connect/certs", ""},
		{"Cognito in China", func() (verifier.Issuer, error) { return issuers.Cognito("cn-north-1_Ab12", "a") },
			"https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_Ab12",
			"https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_Ab12/.well-known/jwks.json", "RS256"},
		{"Cognito in GovCloud", func() (verifier.Issuer, error) { return issuers.Cognito("us-gov-west-1_Ab12", "a") },
			"https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_Ab12",
			"https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_Ab12/.well-known/jwks.json", "RS256"},
		{"Zitadel", func() (verifier.Issuer, error) { return issuers.Zitadel("id.example.com", "1", nil) },
			"https://id.example.com", "https://id.example.com/oauth/v2/keys", ""},
		{"Zitadel for development", func() (verifier.Issuer, error) { return issuers.Zitadel("http://localhost:8080", "1", nil) },
			"http://localhost:8080", "http://localhost:8080/oauth/v2/keys", ""},
		{"Zitadel by http", func() (verifier.Issuer, error) {
			return issuers.Zitadel("http://zitadel:8080", "1", &issuers.ZitadelOptions{JWKS: insecure})
		}, "http://zitadel:8080", "http://zitadel:8080/oauth/v2/keys", ""},
		{"Kubernetes by http", kubernetes("http://k3s:6443", &issuers.KubernetesOptions{JWKS: insecure}),
			"http://k3s:6443", "http://k3s:6443/openid/v1/jwks", "RS256 ES256"},
		{"Kubernetes", kubernetes("https://k8s.example.com/", nil), "https://k8s.example.com/", "https://k8s.example.com/openid/v1/jwks", "RS256 ES256"},
		{"EKS", kubernetes("https://oidc.eks.eu-west-1.amazonaws.com/id/EX", nil),
			"https://oidc.eks.eu-west-1.amazonaws.com/id/EX", "https://oidc.eks.eu-west-1.amazonaws.com/id/EX/keys", "RS256 ES256"},
		{"Kubernetes elsewhere", kubernetes("https://k8s.example.com", &issuers.KubernetesOptions{JWKSURL: "https://keys.example.com/k8s"}),
			"https://k8s.example.com", "https://keys.example.com/k8s", "RS256 ES256"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			iss, err := tt.call()
			if err != nil {
				t.Fatal(err)
			}
			if iss.Name != tt.wantName || iss.JWKSURL != tt.wantKeys || strings.Join(iss.Algorithms, " ") != tt.algorithm {
				t.Errorf("%q, %q, %q", iss.Name, iss.JWKSURL, iss.Algorithms)
			}
			if iss.WildcardScopes {
				t.Error("wildcard scopes are Stytch's alone")
			}
			iss.JWKS.Transport = http.NewFileTransport(http.Dir(t.TempDir())) // no network
			v, err := verifier.New(verifier.Config{Issuers: []verifier.Issuer{iss}})
			if err != nil {
				t.Fatal(err)
			}
			v.Close()
		})
	}
}

// TestArgumentsAreCopied: later changes of a map have no effect.
func TestArgumentsAreCopied(t *testing.T) {
	callers := issuers.Callers{"200": {}}
	iss, err := issuers.Google(api, callers)
	if err != nil {
		t.Fatal(err)
	}
	callers["300"] = callers["200"]
	k := testKeys()
	v := newVerifier(t, iss, jwk(k.sign, []string{"use", "alg"}, nil))
	token := mint(t, k.sign, object{"typ": "JWT"}, object{"iss": iss.Name, "aud": api, "sub": "300"})
	if _, err := v.Verify(t.Context(), token); err == nil {
		t.Error("a caller that was added later is accepted")
	}
}
