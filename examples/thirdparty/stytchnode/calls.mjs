// Drives the authority at STYTCH_URL with Stytch's own Node SDK: every call about
// machines, as a consumer and as a B2B project. TestStytchNode runs it.
import assert from "node:assert/strict";
import stytch from "stytch";

const config = {
  project_id: process.env.STYTCH_PROJECT_ID,
  secret: process.env.STYTCH_SECRET,
  env: process.env.STYTCH_URL,
};
console.warn = () => {}; // of an env that is neither test nor live

async function wantError(call, status, type) {
  await assert.rejects(call, (err) => {
    assert.equal(err.status_code, status, String(err));
    assert.equal(err.error_type ?? err.error, type, String(err));
    return true;
  });
}

async function registering({ clients }) {
  const made = await clients.create({ client_name: "one", scopes: ["read:a"], trusted_metadata: { tenant: "t1" } });
  assert.equal(made.status_code, 201);
  assert.ok(made.m2m_client.client_secret);
  const id = made.m2m_client.client_id;
  await clients.create({ client_name: "two", scopes: [] });
  assert.equal((await clients.get({ client_id: id })).m2m_client.trusted_metadata.tenant, "t1");
  const changed = await clients.update({ client_id: id, client_name: "uno", status: "inactive" });
  assert.equal(changed.m2m_client.client_name, "uno");
  for (const params of [{}, { query: {} }, { query: { operator: "OR", operands: [] } }]) {
    const names = [];
    for await (const page of clients.searchAll?.({ limit: 2, ...params }) ?? [(await clients.search({ limit: 1000, ...params })).m2m_clients]) {
      names.push(...page.map((c) => c.client_name));
    }
    assert.ok(names.includes("uno") && names.includes("two"), `${JSON.stringify(params)}: ${names}`);
  }
  const found = await clients.search({
    query: { operator: "AND", operands: [{ filter_name: "client_name", filter_value: ["uno"] }] },
  });
  assert.ok(found.m2m_clients.every((c) => c.client_name === "uno"));
  await wantError(() => clients.create({ client_name: "x".repeat(300), scopes: [] }), 400, "m2m_client_invalid_client_name");
  assert.equal((await clients.delete({ client_id: id })).client_id, id);
  await wantError(() => clients.get({ client_id: id }), 404, "m2m_client_not_found");
}

async function rotation(m2m) {
  const { client_id, client_secret } = (await m2m.clients.create({ client_name: "rotating", scopes: [] })).m2m_client;
  await m2m.clients.secrets.rotateStart({ client_id });
  await m2m.clients.secrets.rotateCancel({ client_id });
  await wantError(() => m2m.clients.secrets.rotate({ client_id }), 400, "m2m_client_not_rotating_secret");
  const next = (await m2m.clients.secrets.rotateStart({ client_id })).m2m_client.next_client_secret;
  for (const secret of [client_secret, next]) {
    await m2m.token({ client_id, client_secret: secret });
  }
  await m2m.clients.secrets.rotate({ client_id });
  await m2m.token({ client_id, client_secret: next });
  await wantError(() => m2m.token({ client_id, client_secret }), 401, "invalid_client");
}

async function tokens(m2m) {
  const { client_id, client_secret } = (await m2m.clients.create({ client_name: "caller", scopes: ["read:users", "write:*"] })).m2m_client;
  const issued = await m2m.token({ client_id, client_secret });
  assert.equal(issued.token_type, "bearer");
  const access_token = issued.access_token;
  const verified = await m2m.authenticateToken({ access_token, required_scopes: ["read:users", "write:users"], max_token_age_seconds: 3600 });
  assert.equal(verified.client_id, client_id);
  assert.deepEqual(verified.scopes, ["read:users", "write:*"]);
  await assert.rejects(() => m2m.authenticateToken({ access_token, required_scopes: ["read:books"] }), /missing/i);
  await wantError(() => m2m.token({ client_id, client_secret, scopes: ["admin"] }), 400, "invalid_scope");
}

for (const [name, Client] of [["consumer", stytch.Client], ["B2B", stytch.B2BClient]]) {
  const { m2m } = new Client({ ...config });
  await registering(m2m);
  await rotation(m2m);
  await tokens(m2m);
  const wrong = new Client({ ...config, secret: "wrong" });
  await wantError(() => wrong.m2m.clients.get({ client_id: "x" }), 401, "unauthorized_credentials");
  console.log(`ok ${name}`);
}
