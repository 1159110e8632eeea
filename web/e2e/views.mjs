// Every view in both themes: a picture of each (OPENLEO_SHOTS), and what axe finds wrong with it (WCAG 2.1 AA).
import fs from 'node:fs';
import { look, lookTwice, wrong } from './axe.mjs';
import { api, credential, mapReady, open, visit } from './lib.mjs';

const who = process.env.OPENLEO_FIRST, shots = process.env.OPENLEO_SHOTS, only = process.argv[2];
const browser = await open();
const get = (path) => api(who, path);
const { clock } = await get('/v1/network'), t = clock.now; // an instant that stays, so that what is chosen is still so
// When something is off by decision may be said: OPENLEO_DARK_AT, an instant of the network.
const darkAt = process.env.OPENLEO_DARK_AT ?? t, darkSlot = clock.slot - Math.max(0, Math.ceil((Date.parse(t) - Date.parse(darkAt)) / 15_000));
const dark = (await get(`/v1/network/terminals?cause=${process.env.OPENLEO_CAUSE ?? 'CELL_IS_DISABLED'}&limit=1&slot=${darkSlot}`)).items[0] ?? (await get('/v1/network/terminals?dark=true&limit=1')).items[0] ?? (await get('/v1/network/terminals?limit=1')).items[0];
const online = (await get('/v1/network/terminals?cause=ONLINE&limit=1&slot=' + clock.slot)).items[0] ?? dark;
const gateway = (await get('/v1/network/gateways')).items.sort((a, b) => b.in_use - a.in_use)[0];
const pop = (await get('/v1/network/pops')).items.sort((a, b) => b.terminals - a.terminals)[0];
const hidden = (await get(`/v1/network/terminals?cause=OBSTRUCTED&limit=1&slot=${clock.slot}`)).items[0] ?? (await get(`/v1/network/terminals?group=${process.env.OPENLEO_OBSTRUCTED ?? 'woods'}&limit=1`)).items[0];
const satellite = (await get('/v1/network/satellites?serving=true&limit=1&slot=' + clock.slot)).items[0];
const login = !!who;
const area = login ? (await get('/v1/areas')).items[0] : null;
// For a picture something must wait.
if (shots && area && !(await get('/v1/requests?open=true')).items.length) {
  await fetch(new URL('/v1/requests', process.env.OPENLEO_URL), {
    method: 'POST', body: JSON.stringify({ area: area.id, switch: 'off', reason: 'An exercise: the feeder is worked on tonight' }),
    headers: { Authorization: `Bearer ${credential(who).token}`, 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() },
  });
}
const request = login ? (await get('/v1/requests')).items[0] : null;
const entry = login ? (await get('/v1/log/entries?limit=1')).items[0] : null;
const at = `${online.latitude_deg?.toFixed(3)},${online.longitude_deg?.toFixed(3)}`;

const VIEWS = [
  ['status', '/'], ['globe', `/?at=${at},1.6`], ['path', `/?sel=terminal:${online.id}&at=${at},4&t=${t}`], ['dark', `/?sel=terminal:${dark.id}&at=${dark.latitude_deg?.toFixed(3)},${dark.longitude_deg?.toFixed(3)},7.2&t=${darkAt}`],
  ['cell', `/?sel=cell:${online.h3}&at=${at},6&map=flat`], ['outages', '/?view=outages'], ['replay', `/?view=outages&t=${process.env.OPENLEO_PAST ?? clock.start}`], ['terminals', '/?view=terminals'], ['sites', `/?view=sites&sel=gateway:${encodeURIComponent(gateway.name)}&at=${gateway.latitude_deg},${gateway.longitude_deg},3.4`],
  ['satellite', `/?view=sites&sel=satellite:${satellite?.name}&at=${at},2.6&t=${t}`], ['pop', `/?view=sites&sel=pop:${pop.code}`], ['terminal', `/?sel=terminal:${online.id}&page=1`],
  ...(hidden ? [['obstructed', `/?sel=terminal:${hidden.id}&page=1&t=${t}`]] : []),
  ...(login ? [['areas', `/?view=areas${area ? `&sel=area:${area.id}` : ''}`], ['requests', `/?view=requests${request ? `&sel=request:${request.id}` : ''}`], ['claims', '/?view=claims'], ['log', `/?view=log&sel=entry:${entry?.index}`]] : []),
];
const fleet = await get('/v1/fleet').catch(() => null);
if (fleet) VIEWS.push(['fleet', '/?view=fleet'], ['fleet-terminal', `/?view=fleet&part=table&sel=terminal:${fleet.incidents[0]?.terminals[0] ?? dark.id}`]);
const PHONE = ['status', 'outages', 'terminal'];
/** Where no pictures are taken the past is shown: it stands still, and the map need not be drawn again and again. */
const still = (path) => (shots || path.includes('t=') ? path : `${path}${path.includes('?') ? '&' : '?'}t=${t}`);

/** Goes to a view; loaded afresh for a picture, else as the browser's back button does. */
async function go(page, path) {
  if (shots) await page.goto(process.env.OPENLEO_URL + path);
  else await page.evaluate((to) => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')); }, still(path));
  await page.waitForSelector('nav .tab');
  if (await page.locator('.map').count()) await mapReady(page);
  await page.waitForFunction(() => !document.querySelector('aside [role=status].dim, .page [role=status].dim, .skeleton'), null, { timeout: 10_000 }).catch(() => {});
  await page.waitForTimeout(shots ? 1900 : 150);
  if (path.includes(hidden?.id)) await page.locator('.page figure').scrollIntoViewIfNeeded({ timeout: 3000 }).catch(() => {});
}

/** One look at everything in a theme; without pictures both themes are looked at in the dark page. */
for (const theme of (process.env.OPENLEO_THEMES ?? (shots ? 'dark light' : 'dark')).split(' ')) {
  const end = theme === 'dark' ? '' : '-light', check = shots ? (page, name) => look(page, `${name}, ${theme}`) : lookTwice;
  if (shots) fs.mkdirSync(shots, { recursive: true });
  if (who && (!only || only === 'login')) {
    const page = await (await browser.newContext({ colorScheme: theme, viewport: { width: 1280, height: 800 } })).newPage();
    page.faults = [];
    await page.goto(process.env.OPENLEO_URL);
    await page.waitForSelector('#credential');
    if (shots) await page.screenshot({ path: `${shots}/login${end}.png` });
    await check(page, 'login');
    await page.context().close();
  }
  const page = await visit(browser, still('/'), who, { theme });
  for (const [name, path] of VIEWS) {
    if (only && only !== name) continue;
    await go(page, path);
    if (shots) await page.screenshot({ path: `${shots}/${name}${end}.png` });
    if (!process.env.OPENLEO_NO_AXE) await check(page, name);
  }
  await page.context().close();
  const phone = await visit(browser, still('/'), who, { theme, width: 390, height: 844 });
  for (const [name, path] of VIEWS.filter(([name]) => PHONE.includes(name) && (!only || only === 'phone'))) {
    await go(phone, path);
    if (shots && theme === 'dark') await phone.screenshot({ path: `${shots}/phone-${name}.png` });
    if (!process.env.OPENLEO_NO_AXE) await check(phone, `${name} on a phone`);
  }
  await phone.context().close();
}
await browser.close();
console.log(wrong() ? `${wrong()} things are wrong` : 'ok - nothing is wrong with any view');
process.exit(wrong() ? 1 : 0);
