// Every part of the fleet's view in both themes, on a desk and on a phone: a picture of each (OPENLEO_SHOTS), and what axe finds.
import fs from 'node:fs';
import { look, wrong } from './axe.mjs';
import { api, open, PLAIN, visit } from './lib.mjs';

const who = process.env.OPENLEO_FIRST, shots = process.env.OPENLEO_SHOTS, only = process.argv[2];
const browser = await open(PLAIN);
const fleet = await api(who, '/v1/fleet'), rows = (await api(who, '/v1/fleet/terminals?limit=500')).items;
const dark = fleet.incidents[0]?.terminals[0], unsure = fleet.incidents.find((one) => one.cause === 'not-enough-evidence')?.terminals[0] ?? dark;
const well = rows.find((row) => row.state === 'online')?.terminal ?? dark, never = rows.find((row) => row.state === 'never-seen')?.terminal ?? dark;
const job = (await api(who, '/v1/fleet/jobs')).items[0];
const VIEWS = [
  ['fleet', '/?view=fleet'], ['fleet-why', `/?view=fleet&part=table&sel=terminal:${dark}`], ['fleet-unsure', `/?view=fleet&sel=terminal:${unsure}`], ['fleet-well', `/?view=fleet&part=table&only=online&sel=terminal:${well}`],
  ['fleet-never', `/?view=fleet&sel=terminal:${never}`], ['fleet-versions', '/?view=fleet&part=versions'], ['fleet-usage', '/?view=fleet&part=usage'], ['fleet-jobs', `/?view=fleet&part=jobs${job ? `&sel=job:${job.id}` : ''}`],
  ['fleet-compose', '/?view=fleet&part=jobs', compose], ['fleet-nothing', '/?view=fleet&part=table&q=there-is-none'], ['fleet-wrong', '/?view=fleet&part=table&where=%28%28'], ['fleet-incident', '/?view=fleet', (page) => page.click('.incident .line')],
];
const PHONE = ['fleet', 'fleet-why', 'fleet-jobs', 'fleet-incident'];

/** Chooses everybody by the page's own means, and asks for the preview of a harmless thing. */
async function compose(page) {
  await page.click('.parts >> text=Terminals');
  await page.click('button:has-text("Choose all")');
  await page.click('text=Tell them something');
  await page.selectOption('form.new select', 'clear-map');
  await page.fill('form.new textarea', 'Dishes were moved for the winter');
  await page.click('form.new button:has-text("Preview")');
  await page.waitForSelector('[data-preview], form.new .error');
}

async function go(page, path, act) {
  await page.goto(process.env.OPENLEO_URL + path);
  await page.waitForSelector('nav .tab', { state: 'attached' });
  await page.waitForFunction(() => !document.querySelector('.dim[role=status]'), null, { timeout: 15_000 });
  await page.waitForLoadState('networkidle');
  if (act) await act(page);
  await page.waitForTimeout(shots ? 500 : 100);
}

if (shots) fs.mkdirSync(shots, { recursive: true });
for (const theme of ['dark', 'light']) {
  for (const [size, end] of [[{ width: 1280, height: 800 }, ''], [{ width: 390, height: 844 }, '-phone']]) {
    const page = await visit(browser, '/', who, { theme, ...size });
    for (const [name, path, act] of VIEWS) {
      if ((only && only !== name) || (end && !PHONE.includes(name))) continue;
      await go(page, path, act);
      if (shots) await page.screenshot({ path: `${shots}/${name}${end}${theme === 'dark' ? '' : '-light'}.png` });
      if (name === 'fleet-wrong') page.faults = page.faults.filter((fault) => !/status of 4\d\d/.test(fault)); // what is wrong is told; the console says so too
      if (!process.env.OPENLEO_NO_AXE) await look(page, `${name}${end}, ${theme}`);
    }
    await page.context().close();
  }
}
await browser.close();
console.log(wrong() ? `${wrong()} things are wrong` : 'ok - nothing is wrong with any view of the fleet');
process.exit(wrong() ? 1 : 0);
