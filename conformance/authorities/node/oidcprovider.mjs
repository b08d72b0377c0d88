// Runs npm's oidc-provider as an authority for machines. oidcprovider.go starts it.
import { generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { createServer } from "node:https";
import { Provider } from "oidc-provider";
import { listen, start } from "./control.mjs";

// Memory keeps the clients and tokens of all providers of this process, so that
// they survive a rotation of keys.
const stored = new Map();
class Memory {
  constructor(kind) {
    this.kind = kind;
  }
  async upsert(id, payload, expiresIn) {
    stored.set(`${this.kind}:${id}`, { payload, until: expiresIn ? Date.now() + expiresIn * 1000 : Infinity });
  }
  async find(id) {
    const entry = stored.get(`${this.kind}:${id}`);
    return entry && entry.until > Date.now() ? entry.payload : undefined;
  }
  async destroy(id) {
    stored.delete(`${this.kind}:${id}`);
  }
  async consume() {}
  async findByUid() {}
  async findByUserCode() {}
  async revokeByGrantId() {}
}

let generation = 0;
function newKeys() {
  generation += 1;
  return [
    ["RS256", generateKeyPairSync("rsa", { modulusLength: 2048 })],
    ["ES256", generateKeyPairSync("ec", { namedCurve: "P-256" })],
    ["EdDSA", generateKeyPairSync("ed25519")],
  ].map(([alg, { privateKey }]) => ({
    ...privateKey.export({ format: "jwk" }),
    alg,
    use: "sig",
    kid: `${alg}-${generation}`,
  }));
}

start(async ({ tls, resources, ttl, mtlsAlias, jwtIntrospection }) => {
  let keys = newKeys();
  let published = keys;
  let nonceRequired = false;
  let down = false;
  const nonceSecret = randomBytes(32);
  const seen = [];

  let issuer;
  let mtls;
  const provide = () => {
    const provider = new Provider(issuer, {
      adapter: Memory,
      jwks: { keys: published },
      clientAuthMethods: [
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
      ],
      enabledJWA: {
        clientAuthSigningAlgValues: ["HS256", "RS256", "PS256", "ES256", "EdDSA", "Ed25519"],
        dPoPSigningAlgValues: ["RS256", "ES256", "EdDSA", "Ed25519"],
      },
      scopes: ["read:users", "write:users"],
      ttl: { ClientCredentials: ttl },
      discovery: mtls ? { mtls_endpoint_aliases: { token_endpoint: `${mtls}/token` } } : {},
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        introspection: { enabled: true },
        jwtIntrospection: { enabled: jwtIntrospection },
        encryption: { enabled: jwtIntrospection },
        revocation: { enabled: true, allowedPolicy: () => true },
        dPoP: { enabled: true, nonceSecret, requireNonce: () => nonceRequired },
        mTLS: {
          enabled: true,
          certificateBoundAccessTokens: true,
          tlsClientAuth: true,
          selfSignedTlsClientAuth: true,
          getCertificate: ({ socket }) => {
            const { raw } = socket.getPeerCertificate?.() ?? {};
            return raw && new X509Certificate(raw);
          },
          certificateAuthorized: ({ socket }) => socket.authorized,
          certificateSubjectMatches: ({ socket }, property, expected) => {
            const cert = socket.getPeerCertificate();
            switch (property) {
              case "tls_client_auth_san_dns":
                return cert.subjectaltname.split(", ").includes(`DNS:${expected}`);
              case "tls_client_auth_san_uri":
                return cert.subjectaltname.split(", ").includes(`URI:${expected}`);
              case "tls_client_auth_subject_dn":
                return `CN=${cert.subject.CN}` === expected;
              default:
                throw new Error(`${property} is not supported`);
            }
          },
        },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => undefined,
          getResourceServerInfo: (ctx, indicator) => {
            const resource = resources[indicator];
            if (!resource) throw Object.assign(new Error("invalid_target"), {
              expose: true, status: 400, statusCode: 400, error: "invalid_target", error_description: "unknown resource",
            });
            return structuredClone(resource);
          },
        },
      },
    });
    provider.on("grant.success", ({ oidc }) => seen.push({ client: oidc.client.clientId }));
    provider.on("grant.error", ({ oidc }, err) => seen.push({ client: oidc.client?.clientId ?? "", error: err.error, detail: err.error_detail ?? err.error_description }));
    provider.on("server_error", (_, err) => console.error(err));
    return provider.callback();
  };

  let handle;
  const answer = (req, res) => {
    if (down) return req.socket.destroy();
    handle(req, res);
  };
  const server = (requestCert) => createServer({ ...tls, requestCert, rejectUnauthorized: false }, answer);
  issuer = `https://127.0.0.1:${await listen(server(!mtlsAlias))}`;
  if (mtlsAlias) mtls = `https://127.0.0.1:${await listen(server(true))}`;
  handle = provide();

  return {
    issuer,
    commands: {
      // client registers a client, or changes one.
      client: (metadata) => {
        stored.set(`Client:${metadata.client_id}`, { payload: metadata, until: Infinity });
      },
      // rotate signs with new keys. The old ones stay published after them if keepOld.
      rotate: ({ keepOld }) => {
        const old = keys;
        keys = newKeys();
        published = keepOld ? [...keys, ...old] : keys;
        handle = provide();
      },
      nonce: (required) => {
        nonceRequired = required;
      },
      // down drops every connection unanswered.
      down: (value) => {
        down = value;
      },
      // seen returns the token requests since the last time.
      seen: () => seen.splice(0),
    },
  };
});
