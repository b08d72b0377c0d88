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

// recorded returns api, and counts the calls of its methods and of the objects in it.
function recorded(api, name, calls) {
  for (const method of Object.getOwnPropertyNames(Object.getPrototypeOf(api))) {
    const called = `${name}.${method}`;
    if (method !== "constructor" && !calls.has(called)) calls.set(called, 0);
  }
  return new Proxy(api, {
    get(target, property) {
      const value = target[property];
      const called = `${name}.${String(property)}`;
      if (typeof value === "function") {
        calls.set(called, calls.get(called) + 1);
        return value.bind(target);
      }
      return ["clients", "secrets"].includes(property) ? recorded(value, called, calls) : value;
    },
  });
}

function wantAllCalled(calls) {
  const missing = [...calls].filter(([, n]) => n === 0).map(([name]) => name);
  assert.deepEqual(missing, [], "methods of the SDK that no test calls");
  assert.ok(calls.size >= 10, `the SDK has ${calls.size} methods, want at least 10`);
}

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
  const imported = await clients.create({ client_id: `legacy-${id}`, client_secret: "g7-Kq2-xv9-Tm4", client_description: "imported", scopes: [] });
  assert.equal(imported.m2m_client.client_secret_last_four, "-Tm4");
  const changed = await clients.update({
    client_id: id, client_name: "uno", client_description: "d", status: "inactive", scopes: ["read:a", "write:a"],
    trusted_metadata: { tenant: null, plan: { seats: 3 } },
  });
  const { client_name, client_description, status, scopes, trusted_metadata } = changed.m2m_client;
  assert.deepEqual({ client_name, client_description, status, scopes, trusted_metadata },
    { client_name: "uno", client_description: "d", status: "inactive", scopes: ["read:a", "write:a"], trusted_metadata: { plan: { seats: 3 } } });
  for (const [filter_name, value] of [["client_id", id], ["scopes", "write:a"]]) {
    const page = await clients.search({ query: { operator: "OR", operands: [{ filter_name, filter_value: [value] }] } });
    assert.ok(page.m2m_clients.some((c) => c.client_id === id), `search by ${filter_name}`);
  }
  await wantError(() => clients.create({ client_id: `legacy-${id}`, client_secret: "g7-Kq2-xv9-Tm4", scopes: [] }), 400, "m2m_client_invalid_client_id");
  await wantError(() => clients.create({ client_id: "weak", client_secret: "password", scopes: [] }), 400, "m2m_client_invalid_client_secret");
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
  await wantError(() => m2m.clients.secrets.rotateStart({ client_id }), 400, "m2m_client_already_rotating_secret");
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
  await assert.rejects(() => m2m.authenticateToken({ access_token, max_token_age_seconds: 0 }), /jwt_too_old/);
  await assert.rejects(() => m2m.authenticateToken({ access_token: access_token + "x" }), /jwt_invalid/);
  await assert.rejects(() => m2m.authenticateToken({ access_token, required_scopes: ["read:users"] }, () => false), /missing/i);
  const fewer = await m2m.token({ client_id, client_secret, scopes: ["read:users"] });
  assert.deepEqual((await m2m.authenticateToken({ access_token: fewer.access_token, clock_tolerance_seconds: 1 })).scopes, ["read:users"]);
  await wantError(() => m2m.token({ client_id, client_secret, scopes: ["admin"] }), 400, "invalid_scope");
  await m2m.clients.update({ client_id, status: "inactive" });
  await wantError(() => m2m.token({ client_id, client_secret }), 401, "invalid_client");
}

for (const [name, Client] of [["consumer", stytch.Client], ["B2B", stytch.B2BClient]]) {
  const calls = new Map();
  const m2m = recorded(new Client({ ...config }).m2m, "m2m", calls);
  await registering(m2m);
  await rotation(m2m);
  await tokens(m2m);
  wantAllCalled(calls);
  const wrong = new Client({ ...config, secret: "wrong" });
  await wantError(() => wrong.m2m.clients.get({ client_id: "x" }), 401, "unauthorized_credentials");
  console.log(`ok ${name}`);
}
