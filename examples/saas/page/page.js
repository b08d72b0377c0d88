// The page is a client of the JSON API. All text gets in by textContent.
'use strict'
const $ = id => document.getElementById(id)
let key = crypto.randomUUID() // of the next registration; the same until it succeeds or its content changes

async function call(method, path, body, headers = {}) {
	let response, out
	try {
		response = await fetch(path, {
			method, body: body && JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...headers },
		})
		out = await response.json()
	} catch {
		out = { error: 'no response; look at the list before you repeat it' }
	}
	$('message').textContent = out.error && response?.status !== 401 ? `That did not work: ${out.error}.` : ''
	return out
}

async function show() {
	const out = await call('GET', 'clients')
	$('login').hidden = !!out.tenant
	$('account').hidden = !out.tenant
	if (!out.tenant) return
	$('tenant').textContent = `of ${out.tenant}`
	if (!$('scopes').hasChildNodes()) $('scopes').append(...out.scopes.map(scopeBox))
	const clients = out.clients ?? []
	$('none').hidden = clients.length > 0
	$('machines').replaceChildren(...clients.map(machine))
}

function scopeBox(scope) {
	const box = Object.assign(document.createElement('input'), { type: 'checkbox', value: scope })
	const label = document.createElement('label')
	label.append(box, ` ${scope}`)
	return label
}

function machine(client) {
	const item = $('machine').content.cloneNode(true)
	const set = (selector, text) => { item.querySelector(selector).textContent = text }
	set('h2', client.name)
	set('.id', client.id)
	set('.scopes', client.scopes.join(', ') || 'nothing')
	set('.state', client.active ? 'gets tokens' : 'disabled: gets no tokens')
	const next = client.next_secret_last_four
	set('.four', `ends in ${client.secret_last_four}` + (next ? `; the next one, in ${next}, works too` : ''))
	const acts = item.querySelector('.acts')
	const act = (text, name, body, question) => {
		const button = Object.assign(document.createElement('button'), { type: 'button', textContent: text })
		button.className = question ? 'danger' : ''
		button.setAttribute('aria-label', `${text}: ${client.name}`)
		button.onclick = async () => {
			const input = typeof body === 'function' ? body() : body
			if (input === null || question && !confirm(question)) return
			button.disabled = true
			const out = await call('POST', `clients/${client.id}/${name}`, input)
			showSecret(out)
			if (out.error) button.disabled = false
			else show()
		}
		acts.append(button)
	}
	act('Rename', 'rename', () => {
		const name = prompt('The new name', client.name)
		return name === null ? null : { name: name.trim() }
	})
	if (next) {
		act(`Use only ${next}`, 'complete', { last_four: next }, `Has every instance the secret that ends in ${next}? The old one stops working now.`)
		act('Keep the old secret', 'cancel', { last_four: next })
	} else {
		act('Rotate the secret', 'rotate', {})
	}
	if (client.active) act('Disable', 'disable', {})
	else act('Enable', 'enable', {})
	act('Delete', 'delete', {}, `Delete ${client.name}? It can't be undone.`)
	return item
}

function showSecret(out) {
	if (!out.secret) return
	$('secret-id').textContent = out.clients[0].id
	$('secret-text').textContent = out.secret
	$('secret').hidden = false
	$('secret').scrollIntoView()
}

$('copy').onclick = () => navigator.clipboard.writeText($('secret-text').textContent)
$('stored').onclick = () => {
	$('secret').hidden = true
	$('secret-text').textContent = ''
}
$('register').onsubmit = async event => {
	event.preventDefault()
	const scopes = [...$('scopes').querySelectorAll(':checked')].map(box => box.value)
	const button = event.target.querySelector('button')
	button.disabled = true
	const out = await call('POST', 'clients', { name: $('name').value.trim(), scopes }, { 'Idempotency-Key': key })
	button.disabled = false
	if (out.error) return
	key = crypto.randomUUID()
	event.target.reset()
	showSecret(out)
	await show()
	if (!out.secret) $('message').textContent = 'It was registered before. Its secret was shown then; rotate it if it is lost.'
}
$('register').oninput = () => { key = crypto.randomUUID() }
for (const button of document.querySelectorAll('[data-user]')) {
	button.onclick = async () => {
		await fetch(`login/${button.dataset.user}`, { method: 'POST' })
		show()
	}
}
show()
