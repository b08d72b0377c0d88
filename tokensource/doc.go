// Package tokensource gets access tokens for a machine from any OAuth 2.0
// authority, and keeps them fresh.
//
// Most programs call [New] once, and send requests through [Source.RoundTripper]:
// it adds the token for the origins that it names, and replaces a token that a
// service refuses. [Source.Token] makes a Source an [oauth2.TokenSource] for
// other libraries.
//
// [oauth2.NewClient] with a Source lacks three things: it sends the token to each
// address that a redirect leads to, it keeps sending a token that was revoked, and
// it waits for a token without regard to the request's context.
package tokensource
