// Agents of MCP's TypeScript SDK, with client credentials, call the guarded server.
// MCP_SERVER holds what the server prints.
import assert from 'node:assert/strict';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';

const server = JSON.parse(process.env.MCP_SERVER);
const url = new URL(server.mcp);

// SDK 1.32 asks for a token again after a 403, but always with the scope that the provider
// was made with. This provider asks for those of the challenge as well.
class StepUpProvider extends ClientCredentialsProvider {
  scopes = new Set(['files:read']);

  prepareTokenRequest() {
    return super.prepareTokenRequest([...this.scopes].join(' '));
  }

  challenged(header) {
    for (const scope of header?.match(/ scope="([^"]*)"/)?.[1].split(' ') ?? []) this.scopes.add(scope);
  }
}

const provider = (credentials, Provider = ClientCredentialsProvider) => new Provider({
  clientId: credentials.client_id, clientSecret: credentials.client_secret, expectedIssuer: server.issuer,
});

// The transport also records the status of each response.
const transport = (authProvider, options) => {
  const statuses = [];
  const t = new StreamableHTTPClientTransport(url, {
    authProvider, ...options,
    fetch: async (to, init) => {
      const res = await fetch(to, init);
      if (String(to) === server.mcp) statuses.push(res.status);
      if (res.status === 403) authProvider.challenged?.(res.headers.get('www-authenticate'));
      return res;
    },
  });
  return Object.assign(t, { statuses });
};

const connect = async (authProvider) => {
  const t = transport(authProvider);
  const client = new Client({ name: 'agent', version: '1.0.0' });
  await client.connect(t);
  return { client, t };
};

const call = async (client, name) => {
  const result = await client.callTool({ name, arguments: { path: '/a' } });
  return result.content[0].text;
};

const story = {
  async 'finds the authority by the metadata, and gets a token'() {
    const { client, t } = await connect(provider(server.reader));
    assert.equal(t.statuses[0], 401);
    assert.equal(await call(client, 'read'), `read /a for ${server.reader.client_id}`);
    await client.close();
  },
  async 'sees the tools that it may call'() {
    for (const [who, want] of [['reader', ['read']], ['operator', ['admin', 'delete', 'read']]]) {
      const { client } = await connect(provider(server[who]));
      const { tools } = await client.listTools();
      assert.deepEqual(tools.map((tool) => tool.name).sort(), want);
      await client.close();
    }
  },
  async 'is refused a tool whose scope it was not given'() {
    const { client, t } = await connect(provider(server.reader));
    await assert.rejects(call(client, 'delete'));
    assert.ok(t.statuses.includes(403), `statuses ${t.statuses}`);
    assert.equal(await call(client, 'read'), `read /a for ${server.reader.client_id}`);
    await client.close();
  },
  async 'asks for the scope that the challenge names (step-up)'() {
    const { client, t } = await connect(provider(server.operator, StepUpProvider));
    assert.equal(await call(client, 'read'), `read /a for ${server.operator.client_id}`);
    assert.ok(!t.statuses.includes(403), `statuses ${t.statuses}`);
    assert.equal(await call(client, 'delete'), `delete /a for ${server.operator.client_id}`);
    assert.equal(await call(client, 'read'), `read /a for ${server.operator.client_id}`);
    assert.ok(t.statuses.includes(403), `statuses ${t.statuses}`);
    await client.close();
  },
  async 'cannot take over the session of another'() {
    const { client, t } = await connect(provider(server.operator));
    const thief = transport(provider(server.reader), { sessionId: t.sessionId });
    await thief.start();
    for (const name of ['read', 'admin']) {
      await assert.rejects(thief.send({
        jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: { path: '/a' } },
      }));
      assert.equal(thief.statuses.at(-1), 403);
    }
    assert.equal(await call(client, 'admin'), `admin /a for ${server.operator.client_id}`);
    await thief.close();
    await client.close();
  },
};

for (const [name, run] of Object.entries(story)) {
  await run();
  console.log('ok', name);
}
