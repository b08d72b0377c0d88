package thirdparty

import (
	"context"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

// workloadBundle returns a FetchBundle for issuers.SPIFFE: it asks the SPIFFE Workload
// API for the keys of a trust domain, this workload's own or a federated one. The
// Workload API is a local socket, so no certificate of a bundle endpoint is needed.
func workloadBundle(client *workloadapi.Client, trustDomain spiffeid.TrustDomain) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		set, err := client.FetchJWTBundles(ctx)
		if err != nil {
			return nil, err
		}
		bundle, err := set.GetJWTBundleForTrustDomain(trustDomain)
		if err != nil {
			return nil, err
		}
		return bundle.Marshal()
	}
}
