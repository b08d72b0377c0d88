// Package grpctoken sends the tokens of a tokensource.Source with the calls of a
// gRPC client, and replaces a token that a service refuses.
//
//	options, err := grpctoken.DialOptions(source, nil)
//	if err != nil {
//		return err
//	}
//	conn, err := grpc.NewClient(target, append(options, grpc.WithTransportCredentials(credentials.NewTLS(nil)))...)
//
// Each attempt of a call gets the current token, retries by a service config
// included. A service refuses a token by www-authenticate in its trailers or
// header, with the error invalid_token, as package grpcmw does. The status and
// its details are ignored: a service may forward those of another service that it
// calls.
//
// After a refusal a unary call waits for the replacement and is repeated once. A
// stream ends with the refusal; the next one has the new token.
//
// If tokens are bound to a key (tokensource.Config.DPoP), each attempt has a proof of
// its own. A unary call whose proof is refused, or needs a nonce of the service (RFC
// 9449 §9), is repeated once for that as well. A nonce counts for the next call,
// whether the response to a call or a stream has it in its header or its trailer.
package grpctoken
