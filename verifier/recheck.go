package verifier

import "context"

// Recheck decides again about the Client in ctx, for work that lasts: whether
// its token has expired, whether its key is still published, and whether
// [Config].Check accepts the same Request again. The error is an [*Error]. A
// Client that v did not verify is refused as NotVerified.
func (v *Verifier) Recheck(ctx context.Context) error {
	if v.isClosed() {
		return refuse(Unavailable, Closed)
	}
	c := callFrom(ctx)
	if c == nil || c.client.token == nil || c.client.token.issuer.verifier != v {
		return refuse(InvalidToken, NotVerified)
	}
	// A handler may have changed its copy of the Client. The token's counts.
	ctx, t := orBackground(ctx), c.client.token
	if err := t.standing(v.cfg.Now()); err != nil {
		return err
	}
	if err := v.check(ctx, t.client, c.request()); err != nil {
		return err
	}
	return nil
}
