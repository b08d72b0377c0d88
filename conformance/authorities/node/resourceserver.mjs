// Runs resource servers that take bearer tokens, by npm's express-oauth2-jwt-bearer,
// passport-http-bearer and passport-jwt. resourceserver.go starts it.
import { Agent } from "node:https";
import { createServer } from "node:http";
import express from "express";
import { auth, requiredScopes } from "express-oauth2-jwt-bearer";
import passport from "passport";
import { Strategy } from "passport-http-bearer";
import passportJWT from "passport-jwt";
import { listen, start } from "./control.mjs";

start(async ({ issuer, audience, ca }) => {
  let denyAll = false;
  const denied = new Set(); // token IDs
  const texts = new Set(); // the same for passport, which knows no claims
  const seen = [];

  const app = express();
  app.use((req, res, next) => {
    res.on("finish", () => seen.push({
      method: req.method, path: req.path, status: res.statusCode,
      challenge: [res.getHeader("WWW-Authenticate") ?? []].flat().join(", "),
    }));
    next();
  });

  const jwt = auth({
    issuerBaseURL: issuer,
    audience,
    agent: new Agent({ ca }),
    cooldownDuration: 0,
    cacheMaxAge: 0,
    validators: { jti: (jti) => !denyAll && !denied.has(jti) },
  });
  const ok = (req, res) => res.json({ ok: true });
  app.get("/jwt/users", jwt, requiredScopes("read:users"), ok);
  app.get("/jwt/admin", jwt, requiredScopes("admin"), ok);
  app.post("/jwt/users", jwt, express.text({ type: () => true }), (req, res) => res.json({ ok: true, length: req.body.length }));

  passport.use(new Strategy({ realm: "machines" }, (token, done) => done(null, !denyAll && !texts.has(token) && { name: "machine" })));
  app.get("/passport/users", passport.authenticate("bearer", { session: false }), ok);

  // This one has no key of the authority's, so it refuses every token.
  passport.use(new passportJWT.Strategy({
    jwtFromRequest: passportJWT.ExtractJwt.fromAuthHeaderAsBearerToken(),
    secretOrKeyProvider: (req, token, done) => done(new Error("no key")),
  }, (claims, done) => done(null, claims)));
  app.get("/passport-jwt/users", passport.authenticate("jwt", { session: false }), ok);

  // What RFC 6750 errors become without a handler of one's own, less the stack on stderr.
  app.use((err, req, res, next) => {
    res.status(err.status ?? 500).set(err.headers ?? {}).json({ message: err.message });
  });

  const url = `http://127.0.0.1:${await listen(createServer(app))}`;
  return {
    url,
    commands: {
      // deny refuses one token from now on.
      deny: (token) => {
        texts.add(token);
        try {
          denied.add(JSON.parse(Buffer.from(token.split(".")[1], "base64url")).jti);
        } catch {} // an opaque token
      },
      denyAll: (value) => {
        denyAll = value;
      },
      seen: () => seen.splice(0),
    },
  };
});
