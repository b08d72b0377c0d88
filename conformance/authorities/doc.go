// Package authorities starts other people's authorities and resource servers on
// loopback, for tests: npm's oidc-provider, and npm's express-oauth2-jwt-bearer and
// passport-http-bearer. Each function takes the test that needs the server, and the
// server ends with it.
//
// The servers need node and the packages of node/package.json, which the script
// run installs. Without them a test is skipped, or fails if CI=true.
package authorities
