// Makes DPoP proofs by the libraries of npm, and checks others' by oauth4webapi. It
// reads {produce: {method, url, token}, check: [{token, proof, method, url}], issuer,
// audience, jwks} from stdin, and prints {produced: [{by, jkt, proof}], checked: [error
// or ""]}.
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import * as dpop from "dpop";
import * as jose from "jose";
import * as oauth from "oauth4webapi";
import { DPoPState, InMemoryWebStorage, UserManager, WebStorageStateStore } from "oidc-client-ts";

globalThis.window = globalThis; // oidc-client-ts is for browsers
const okta = createRequire(import.meta.url)("./node_modules/@okta/okta-auth-js/cjs/oidc/dpop.js");

const { produce, check, issuer, audience, jwks } = JSON.parse(await text(process.stdin));
const { method, url, token } = produce;

const thumbprint = async (key) => jose.calculateJwkThumbprint(await jose.exportJWK(key));
const pair = (algorithm) => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
const p256 = () => pair({ name: "ECDSA", namedCurve: "P-256" });

const produced = [];
for (const algorithm of ["ES256", "RS256", "PS256", "Ed25519"]) {
  const keys = await dpop.generateKeyPair(algorithm);
  const proof = await dpop.generateProof(keys, url, method, undefined, token);
  produced.push({ by: `dpop ${algorithm}`, jkt: await thumbprint(keys.publicKey), proof });
}
{
  const keys = await p256();
  const handle = oauth.DPoP({ client_id: "c" }, keys);
  let proof;
  await oauth.protectedResourceRequest(token, method, new URL(url), undefined, undefined, {
    DPoP: handle,
    [oauth.customFetch]: async (_, { headers }) => {
      proof = headers.dpop ?? new Headers(headers).get("dpop");
      return new Response();
    },
  });
  produced.push({ by: "oauth4webapi", jkt: await thumbprint(keys.publicKey), proof });
}
{
  const keys = await p256();
  const memory = () => new WebStorageStateStore({ store: new InMemoryWebStorage() });
  const manager = new UserManager({
    authority: issuer,
    client_id: "c",
    redirect_uri: "https://client.example/",
    userStore: memory(),
    stateStore: memory(),
    dpop: { store: { get: async () => new DPoPState(keys), set: async () => {}, remove: async () => {} } },
  });
  const proof = await manager.dpopProof(url, { access_token: token }, method);
  produced.push({ by: "oidc-client-ts", jkt: await thumbprint(keys.publicKey), proof });
}
{
  const keyPair = await okta.generateKeyPair();
  const proof = await okta.generateDPoPProof({ keyPair, url, method, accessToken: token });
  produced.push({ by: "okta-auth-js", jkt: await thumbprint(keyPair.publicKey), proof });
}
for (const algorithm of ["ES384", "EdDSA"]) {
  const { publicKey, privateKey } = await jose.generateKeyPair(algorithm);
  const ath = jose.base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token))));
  const proof = await new jose.SignJWT({ htm: method, htu: url, ath, jti: crypto.randomUUID() })
    .setProtectedHeader({ typ: "dpop+jwt", alg: algorithm, jwk: await jose.exportJWK(publicKey) })
    .setIssuedAt()
    .sign(privateKey);
  produced.push({ by: `jose ${algorithm}`, jkt: await thumbprint(publicKey), proof });
}

const as = { issuer, jwks_uri: "https://issuer.example.com/jwks" };
const checked = [];
for (const c of check) {
  const headers = { authorization: `DPoP ${c.token}`, dpop: c.proof };
  try {
    await oauth.validateJwtAccessToken(as, new Request(c.url, { method: c.method, headers }), audience, {
      requireDPoP: true,
      [oauth.customFetch]: async () => Response.json(jwks),
    });
    checked.push("");
  } catch (err) {
    checked.push(err.cause?.message ?? err.message);
  }
}
console.log(JSON.stringify({ produced, checked }));
