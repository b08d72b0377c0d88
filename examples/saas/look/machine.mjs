// A customer's machine: it knows the issuer, its ID and its secret, and finds the token
// endpoint by RFC 8414.
import * as client from 'openid-client'

const [issuer, id, secret] = process.argv.slice(2)
for (const [name, auth] of Object.entries({ body: client.ClientSecretPost(secret), basic: client.ClientSecretBasic(secret) })) {
	const config = await client.discovery(new URL(issuer), id, undefined, auth, {
		algorithm: 'oauth2', execute: [client.allowInsecureRequests], // the SaaS is on loopback
	})
	const tokens = await client.clientCredentialsGrant(config, { scope: 'read:reports' })
	const response = await client.fetchProtectedResource(config, tokens.access_token, new URL('/v1/reports', issuer), 'GET')
	console.log(name, response.status, (await response.text()).trim())
}
