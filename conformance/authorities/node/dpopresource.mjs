// Runs a resource server that takes DPoP-bound tokens alone, by npm's oauth4webapi.
// dpop.go starts it.
import { createServer } from "node:http";
import * as oauth from "oauth4webapi";
import { listen, start } from "./control.mjs";

start(async ({ issuer, audience }) => {
  const url = new URL(issuer);
  const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url));
  let nonce; // that proofs must have, if set
  const used = new Set(); // oauth4webapi leaves replay to its caller (RFC 9449 §11.1)
  const seen = [];
  let own;

  const server = createServer(async (req, res) => {
    const refuse = (challenge) => {
      seen.push({ method: req.method, path: req.url, status: 401, challenge });
      res.writeHead(401, { "WWW-Authenticate": challenge, ...(nonce && { "DPoP-Nonce": nonce }) }).end();
    };
    req.resume();
    try {
      const request = new Request(own + req.url, { method: req.method, headers: req.headers });
      await oauth.validateJwtAccessToken(as, request, audience, { requireDPoP: true });
    } catch (err) {
      return refuse(`DPoP error="invalid_token", error_description="${err.message.replace(/[^ -!#-[\]-~]/g, "")}"`);
    }
    const proof = JSON.parse(Buffer.from(req.headers.dpop.split(".")[1], "base64url"));
    if (nonce && proof.nonce !== nonce) return refuse('DPoP error="use_dpop_nonce"');
    if (used.has(proof.jti)) return refuse('DPoP error="invalid_dpop_proof"');
    used.add(proof.jti);
    seen.push({ method: req.method, path: req.url, status: 200, challenge: "" });
    res.writeHead(200, { "Content-Type": "application/json" }).end('{"ok":true}');
  });
  own = `http://127.0.0.1:${await listen(server)}`;
  return {
    url: own,
    commands: {
      nonce: (value) => {
        nonce = value || undefined;
      },
      seen: () => seen.splice(0),
    },
  };
});
