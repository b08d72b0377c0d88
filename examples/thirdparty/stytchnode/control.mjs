// Tests a service that verifies tokens with Stytch's own Node SDK, while its authority
// rotates keys, is down, has a wrong clock and more. It is what a test in Node does
// with "m2mauth authority -control". TestStytchNodeProcess runs it.
import assert from "node:assert/strict";
import stytch from "stytch";

const { STYTCH_URL, STYTCH_PROJECT_ID, STYTCH_SECRET, AUTHORITY_CONTROL } = process.env;
console.warn = () => {}; // of an env that is neither test nor live

// control makes a call of the authority's control.
async function control(path, body = {}) {
  const response = await fetch(`${AUTHORITY_CONTROL}/${path}`, {
    method: "POST",
    headers: {
      Authorization: "Basic " + Buffer.from(`${STYTCH_PROJECT_ID}:${STYTCH_SECRET}`).toString("base64"),
      "Content-Type": "application/json",
    },
    body: JSON.stringify(body),
  });
  const result = await response.json();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${result.error}`);
  return result;
}

// service returns the SDK as after a restart. The SDK fetches keys at most every 30
// seconds, so a test of new keys needs a new one.
function service(Client) {
  return new Client({ project_id: STYTCH_PROJECT_ID, secret: STYTCH_SECRET, env: STYTCH_URL }).m2m;
}

const seed = { client_id: "m2m-client-test-billing", client_secret: "billing-3fz9-kq71" };

for (const [name, Client] of [["consumer", stytch.Client], ["B2B", stytch.B2BClient]]) {
  await control("reset");
  const m2m = service(Client);
  const accepted = async (access_token, verifier = m2m) => verifier.authenticateToken({ access_token });
  const refused = (access_token, verifier = m2m) =>
    assert.rejects(() => verifier.authenticateToken({ access_token }), /jwt_invalid/);

  // A client of the file, and the claims of the template.
  const first = (await m2m.token(seed)).access_token;
  const verified = await accepted(first);
  assert.equal(verified.client_id, seed.client_id);
  assert.deepEqual(verified.scopes, ["invoices:write"]);
  assert.deepEqual(verified.custom_claims, { tenant: "acme" });

  // A rotation: the old key stays until it is removed.
  const { kid } = await control("keys/rotate");
  const second = (await m2m.token(seed)).access_token;
  assert.equal(JSON.parse(Buffer.from(second.split(".")[0], "base64url")).kid, kid);
  await accepted(first, service(Client));
  await accepted(second, service(Client));
  await control("revoke");
  await refused(first, service(Client));
  await refused(second, service(Client));

  // Tokens that no service may accept.
  const after = service(Client);
  await accepted((await control("token", { scopes: ["read:a"] })).access_token, after);
  for (const spec of [{ ttl: "-5m" }, { forged: true }, { claims: { aud: "other" } }, { claims: { iss: "https://evil.example" } }]) {
    await refused((await control("token", spec)).access_token, after);
  }

  // A clock that is off.
  await control("clock", { shift: "-2h" });
  await refused((await after.token(seed)).access_token, after);
  await control("clock", { shift: "0s" });
  await accepted((await after.token(seed)).access_token, after);

  // Outages: one failure, a dropped connection, a request that hangs.
  const failure = JSON.stringify({ status_code: 500, error: "internal_server_error" });
  await control("outage/start", { endpoints: ["token"], requests: 1, status: 500, body: failure });
  await assert.rejects(() => after.token(seed), (err) => err.status_code === 500);
  await after.token(seed);
  await control("outage/start", { how: "drop" });
  await assert.rejects(() => after.token(seed), /fetch failed/);
  await refused(second, service(Client)); // its keys can't be fetched
  await control("outage/end");
  await control("outage/start", { endpoints: ["token"], how: "hang" });
  const hanging = after.token(seed);
  const soon = new Promise((resolve) => setTimeout(resolve, 100, "still waiting"));
  assert.equal(await Promise.race([hanging, soon]), "still waiting");
  await control("outage/end");
  await accepted((await hanging).access_token, after);

  // Back to the clients of the file.
  await after.clients.create({ client_name: "more", scopes: [] });
  await control("reset");
  const { m2m_clients } = await after.clients.search({});
  assert.deepEqual(m2m_clients.map((c) => c.client_id), [seed.client_id]);
  console.log(`ok ${name}`);
}
