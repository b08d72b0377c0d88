// Package authorities starts other people's authorities and resource servers on
// loopback, for tests. Each function takes the test that needs the server, and the
// server ends with it.
//
// The servers in Node need the packages of node/package.json, which the script run
// installs. Without them a test is skipped, or fails if CI=true. Ory Hydra needs a
// binary, which run hydra builds.
package authorities
