// A client of npm's openid-client with DPoP (RFC 9449): gets a token, and calls a
// service. It prints the status of each call.
import * as client from "openid-client";

const { issuer, id, secret, resource, calls } = JSON.parse(process.argv[2]);
const config = await client.discovery(new URL(issuer), id, secret, client.ClientSecretBasic(secret));
client.allowInsecureRequests(config); // of the service, on loopback
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
const token = await client.clientCredentialsGrant(config, { resource, scope: "read:users" }, { DPoP });
const statuses = [token.token_type];
for (const { method, url } of calls) {
  let response;
  try {
    response = await client.fetchProtectedResource(config, token.access_token, new URL(url), method, null, undefined, { DPoP });
  } catch (err) {
    response = err.response ?? err.cause?.response ?? { status: String(err) };
  }
  statuses.push(String(response.status));
}
// The token without a proof, and as a bearer token.
for (const scheme of ["DPoP", "Bearer"]) {
  const { status } = await fetch(calls[0].url, { headers: { authorization: `${scheme} ${token.access_token}` } });
  statuses.push(String(status));
}
console.log(JSON.stringify(statuses));
