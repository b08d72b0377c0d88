// Opens each page in Chromium, and exits non-zero if one is not as it must be:
// no message of the policy, nothing that could load or run, nothing wider than the
// window, and nothing that axe-core objects to. It writes pictures if told where.
import { readFileSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const { base, pages, mark, pictures } = JSON.parse(process.argv[2])
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const profile = mkdtempSync(join(tmpdir(), 'statuspage-'))
const context = options => chromium.launchPersistentContext(profile, {
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
		'--disable-background-networking', '--disable-component-update', '--disable-sync'],
	...options,
})

let failed = 0
const check = (ok, text) => {
	if (!ok) {
		failed++
		console.log('NOT AS EXPECTED: ' + text)
	}
}

for (const colorScheme of ['light', 'dark']) {
	for (const width of [375, 1280]) {
		const browser = await context({ viewport: { width, height: 800 }, colorScheme })
		for (const [name, path] of Object.entries(pages)) {
			const where = `${name} at ${width} px, ${colorScheme}`
			const page = await browser.newPage()
			const messages = []
			const requests = []
			page.on('console', m => messages.push(m.text()))
			page.on('pageerror', e => messages.push(String(e)))
			page.on('request', r => requests.push(r.url()))
			const response = await page.goto(base + path)
			check(response.status() === 200, `${where}: status ${response.status()}`)
			check(messages.length === 0, `${where}: messages ${messages}`)
			check(requests.length === 1, `${where}: requests ${requests}`)
			if (pictures) {
				await page.screenshot({ path: join(pictures, `${name}-${width}-${colorScheme}.png`), fullPage: true })
			}
			await page.evaluate(() => document.querySelectorAll('details').forEach(d => { d.open = true }))
			const found = await page.evaluate(() => ({
				hit: window.hit,
				active: [...document.querySelectorAll('script,img,iframe,form,object,embed,link,base')].map(e => e.outerHTML),
				links: [...document.querySelectorAll('a')].map(a => a.getAttribute('href')).filter(h => !h.startsWith('?')),
				wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
				text: document.body.innerText,
				ground: getComputedStyle(document.body).backgroundColor,
				length: document.documentElement.outerHTML.length,
			}))
			check(found.hit === undefined, `${where}: a caller's script ran`)
			check(found.active.length === 0, `${where}: elements ${found.active}`)
			check(found.links.length === 0, `${where}: links ${found.links}`)
			check(found.wide <= 0, `${where}: ${found.wide} px wider than the window`)
			check(!/[\u200b-\u200f\u202a-\u202e\u2066-\u2069\x00-\x08\x1b]/.test(found.text), `${where}: invisible characters`)
			check(found.ground !== 'rgba(0, 0, 0, 0)', `${where}: the style does not apply`)
			check(found.length < 300_000, `${where}: ${found.length} characters`)
			check(name !== 'hostile' || found.text.includes(mark), `${where}: the hostile text is not text`)
			if (pictures && (name === 'hostile' || name === 'well')) {
				await page.screenshot({ path: join(pictures, `${name}-open-${width}-${colorScheme}.png`), fullPage: true })
			}
			await page.evaluate(axe)
			const { violations } = await page.evaluate(() => axe.run())
			for (const v of violations) {
				check(false, `${where}: axe: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n => n.html + ' ' + n.failureSummary).join('\n  ')}`)
			}
			await page.close()
		}
		await browser.close()
	}
}
rmSync(profile, { recursive: true, force: true })
console.log(failed === 0 ? 'every page is as it must be' : `${failed} findings`)
process.exit(failed === 0 ? 0 : 1)
