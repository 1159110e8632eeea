// What the walks share: a real browser, people who log in, and the API beside the page.
import fs from 'node:fs';
import { chromium } from 'playwright-core';

export const URL_ = process.env.OPENLEO_URL;
const PATH = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => fs.existsSync(path));
// Software rendering, so that WebGL 2 is there on machines without a GPU.
const FLAGS = ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--no-sandbox'];

/** A browser without WebGL: the lists without the map, which costs a core where it is drawn in software. */
export const PLAIN = ['--disable-gpu', '--disable-3d-apis', '--no-sandbox'];

export const open = (flags = FLAGS) => chromium.launch({ executablePath: process.env.OPENLEO_CHROMIUM ?? PATH, args: flags });

export const credential = (path) => (path ? JSON.parse(fs.readFileSync(path, 'utf8')) : null);

/** A page of somebody (a path of a credential; null where the network has no login), with the faults it met. */
export async function visit(browser, path, who, { width = 1280, height = 800, theme = 'dark' } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(error.message));
  // A browser calls it an error that the page asks for what a server may lack: who it is, a network, a fleet.
  const asked = (message) => /status of 401/.test(message.text()) || (/status of (404|503)/.test(message.text()) && /\/v1\/(network|fleet)$/.test(message.location().url));
  page.on('console', (message) => { if (message.type() === 'error' && !asked(message)) page.faults.push(`${message.text()} ${message.location().url}`.trim()); });
  await page.goto(URL_ + path);
  if (who) await page.setInputFiles('#credential', who);
  await page.waitForSelector('nav .tab');
  return page;
}

export async function api(who, path) {
  const answer = await fetch(new URL(path, URL_), { headers: who ? { Authorization: `Bearer ${credential(who).token}` } : {} });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

export const mapReady = (page) => page.waitForSelector('.map[data-ready=true]', { timeout: 60_000 });

/** The numbers of the status bar. */
export async function counts(page) {
  const found = {};
  for (const state of ['online', 'outage', 'policy', 'own']) found[state] = Number((await page.textContent(`[data-count=${state}]`)).replace(/\D/g, ''));
  return found;
}

const STATE = { sky: 'outage', ground: 'outage', contention: 'outage', policy: 'policy', terminal: 'own' };
export async function countsOfApi(who, slot) {
  const told = await api(who, `/v1/network/causes?slot=${slot}`), found = { online: told.online, outage: 0, policy: 0, own: 0 };
  for (const one of told.causes) if (one.group in STATE) found[STATE[one.group]] += one.terminals;
  return found;
}

export async function until(what, test, ms = 20_000) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await test();
    if (found) return found;
    if (Date.now() > end) throw new Error(`it did not come to this in ${ms / 1000} s: ${what}`);
    await new Promise((go) => setTimeout(go, 50));
  }
}

const begun = Date.now();
export const step = (text) => console.log(`ok - ${text} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
