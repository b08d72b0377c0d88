// Uses the page in Chromium as Ann of Acme and as Bob of Globex, at the width of a phone and
// of a desktop. Exits non-zero if something is not as it must be. It writes pictures if told
// where.
import { readFileSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const { base, hostile, pictures } = JSON.parse(process.argv[2])
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
let failed = 0
const check = (ok, text) => {
	if (!ok) {
		failed++
		console.log('NOT AS EXPECTED: ' + text)
	}
}

for (const [width, colorScheme] of [[375, 'light'], [1280, 'light'], [375, 'dark'], [1280, 'dark']]) {
	const profile = mkdtempSync(join(tmpdir(), 'saas-'))
	const browser = await chromium.launchPersistentContext(profile, {
		executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
		args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
			'--disable-background-networking', '--disable-component-update', '--disable-sync'],
		viewport: { width, height: 800 }, colorScheme,
	})
	const page = await browser.newPage()
	page.setDefaultTimeout(10_000)
	const messages = []
	const foreign = []
	let answer = d => d.accept()
	page.on('console', m => messages.push(m.text()))
	page.on('pageerror', e => messages.push(String(e)))
	page.on('request', r => { if (!r.url().startsWith(base)) foreign.push(r.url()) })
	page.on('dialog', d => answer(d))
	const where = `at ${width} px, ${colorScheme}`
	const look = async name => {
		const found = await page.evaluate(() => ({
			hit: window.hit,
			wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
			images: document.images.length,
		}))
		check(found.hit === undefined && found.images === 0, `${name} ${where}: a customer's text became HTML`)
		check(found.wide <= 0, `${name} ${where}: ${found.wide} px wider than the window`)
		await page.evaluate(axe)
		const { violations } = await page.evaluate(() => axe.run())
		for (const v of violations) {
			check(false, `${name} ${where}: axe: ${v.id}: ${v.nodes.slice(0, 3).map(n => n.html + ' ' + n.failureSummary).join('\n  ')}`)
		}
		if (pictures) await page.screenshot({ path: join(pictures, `${name}-${width}-${colorScheme}.png`), fullPage: true })
	}
	const says = async (selector, text) => {
		await page.waitForFunction(([s, t]) => document.querySelector(s)?.innerText.includes(t), [selector, text])
			.catch(async () => check(false, `${where}: ${selector} lacks ${text}: ${await page.locator('body').innerText()}`))
	}
	const register = async (name, scopes) => {
		await page.getByLabel('Name', { exact: true }).fill(name)
		for (const s of scopes) await page.getByLabel(s).check()
		await page.getByRole('button', { name: 'Register', exact: true }).click()
	}

	await page.goto(base + '/account/')
	await page.getByRole('button', { name: 'Ann' }).waitFor()
	await look('login')
	messages.length = 0 // the browser logs the 401 of the first call
	await page.getByRole('button', { name: 'Ann' }).click()
	await says('h1', 'of acme')
	await look('empty')

	await register('Nightly export', ['read:reports', 'write:reports'])
	await says('#secret', 'Store this secret now')
	await look('secret')
	check((await page.locator('#secret-text').innerText()).length > 20, `${where}: the secret is not shown`)
	await page.getByRole('button', { name: 'I have stored it' }).click()
	check(await page.locator('#secret-text').textContent() === '', `${where}: the secret stays in the page`)
	await register(hostile, [])
	await page.getByRole('button', { name: 'I have stored it' }).click()
	await says('#machines', hostile.slice(0, 20))

	const first = page.locator('#machines > li').first()
	await first.getByRole('button', { name: 'Rotate' }).click()
	await says('#secret', 'Store this secret now')
	await page.getByRole('button', { name: 'I have stored it' }).click()
	await says('#machines', 'works too')
	await look('rotating')
	await first.getByRole('button', { name: 'Use only' }).click()
	await first.getByRole('button', { name: 'Rotate' }).waitFor()
	answer = d => d.accept('Weekly export')
	await first.getByRole('button', { name: 'Rename' }).click()
	await says('#machines', 'Weekly export')
	await first.getByRole('button', { name: 'Disable' }).click()
	await says('#machines', 'disabled')
	await look('list')

	check(messages.length === 0, `${where}: messages ${messages}`)
	await register(' \u202e ', [])
	await says('#message', 'control characters')
	await look('refused')
	messages.length = 0 // the browser logs the 400

	answer = d => d.dismiss()
	await first.getByRole('button', { name: 'Delete' }).click()
	check(await page.locator('#machines > li').count() === 2, `${where}: deleted without consent`)
	answer = d => d.accept()
	for (const left of [1, 0]) {
		await first.getByRole('button', { name: 'Delete' }).click()
		await page.waitForFunction(n => document.querySelectorAll('#machines > li').length === n, left)
	}
	await page.evaluate(() => fetch('login/bob', { method: 'POST' }))
	await page.reload()
	await says('h1', 'of globex')
	check(await page.locator('#machines > li').count() === 0, `${where}: Bob sees Ann's machines`)
	check(messages.length === 0, `${where}: messages ${messages}`)
	check(foreign.length === 0, `${where}: requests to ${foreign}`)
	await browser.close()
	rmSync(profile, { recursive: true, force: true })
}
console.log(failed === 0 ? 'the page is as it must be' : `${failed} findings`)
process.exit(failed === 0 ? 0 : 1)
