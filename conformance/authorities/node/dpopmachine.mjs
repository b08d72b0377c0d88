// Runs npm's openid-client as a machine with DPoP (RFC 9449). dpop.go starts it.
import * as client from "openid-client";
import { start } from "./control.mjs";

start(async ({ issuer, clientID, secret, scope, resource }) => {
  const config = await client.discovery(new URL(issuer), clientID, undefined, client.ClientSecretBasic(secret));
  client.allowInsecureRequests(config); // the service is on loopback, without TLS
  let handle;
  let token;
  const rotate = async (alg) => {
    handle = client.getDPoPHandle(config, await client.randomDPoPKeyPair(alg));
  };
  await rotate("ES256");
  return {
    commands: {
      // rotate takes a new key. The token stays bound to the old one.
      rotate,
      // token gets a token, and returns it with its type.
      token: async () => {
        const answer = await client.clientCredentialsGrant(config, { scope, resource }, { DPoP: handle });
        token = answer.access_token;
        return { token, type: answer.token_type };
      },
      // call sends one request with the token and a proof, and a second one if a
      // nonce is asked for.
      call: async ({ url, method }) => {
        try {
          const res = await client.fetchProtectedResource(config, token, new URL(url), method, null, undefined, { DPoP: handle });
          await res.body?.cancel();
          return { status: res.status };
        } catch (err) {
          const challenges = err instanceof client.WWWAuthenticateChallengeError ? err.cause : [];
          if (!challenges.length) throw err;
          return { status: err.status, challenges };
        }
      },
    },
  };
});
