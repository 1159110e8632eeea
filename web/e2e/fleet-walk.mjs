// A day with a fleet, on the real server: what is dark and why, filters, software, telling dishes something, stopping it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { api, open, PLAIN, step, until, visit } from './lib.mjs';

const who = process.env.OPENLEO_FIRST;
const browser = await open(PLAIN);
const openleo = (...words) => execFileSync(process.env.OPENLEO_PYTHON, ['-c', 'from openleo.cli import main; main()', ...words, '--data', process.env.OPENLEO_DATA]);
const rows = (page) => page.locator('tr[data-terminal]').count();
const total = async (query) => (await api(who, `/v1/fleet/terminals?limit=1&${query}`)).total;

try {
  await until('the dishes that are polled are heard', async () => (await total('where=by-us and online')) === 3, 60_000);
  const page = await visit(browser, '/', who);
  await page.waitForSelector('h1[data-dark]');
  const fleet = await api(who, '/v1/fleet');
  assert.equal(Number(await page.getAttribute('h1[data-dark]', 'data-dark')), fleet.counts.dark);
  assert.match(page.url(), /view=fleet/);
  assert.equal(await page.locator('.map').count(), 0, 'no map is needed');
  for (const state of ['online', 'dark', 'silent', 'never-seen']) assert.equal(Number(await page.textContent(`[data-stands=${state}] b`)), fleet.counts[state], state);
  step('the page opens on the fleet: how many are dark, as the API counts them');

  const first = fleet.incidents[0];
  assert.ok(first.life_critical.length, 'the first incident is one on which lives depend');
  const line = page.locator('.incident').first();
  assert.match(await line.textContent(), /LIFE-CRITICAL/);
  assert.equal(await line.locator('.members').count(), 0, 'its members are folded');
  await line.locator('.line').click();
  await line.locator(`.members >> text=${first.life_critical[0]}`).click();
  await page.waitForSelector(`[data-why=${first.cause}]`);
  const { why } = await api(who, `/v1/fleet/terminals/${first.life_critical[0]}`);
  const panel = await page.textContent('aside.right');
  assert.match(panel, /sure/);
  assert.ok(panel.includes(why.next.replaceAll('`', '')) && panel.includes(why.evidence[0].split(' (at')[0]), 'evidence and what to do next are told');
  assert.ok(await page.locator('aside.right canvas').count() >= 4, 'charts of the last hour');
  assert.match(panel, /disabled cell is disabled/);
  step('the most urgent incident is first; a member says why, how sure, on what it rests, what to do, and how it went');

  await page.keyboard.press('Escape');
  await page.waitForSelector('aside.right', { state: 'detached' });
  await page.keyboard.press('2');
  await page.waitForSelector('.tab[aria-current]:has-text("Terminals")');
  await page.click('[data-stands=dark]');
  await until('the table holds the dark alone', async () => (await rows(page)) === fleet.counts.dark && (await page.locator('td[data-state]:not([data-state=dark])').count()) === 0);
  assert.match(page.url(), /only=dark/);
  await page.fill('input[type=search]', 'hospital');
  await until('a text narrows it', async () => (await rows(page)) === 1);
  step('counts are filters, and a text narrows them');

  await page.click('text=clear');
  await page.fill('.where input', 'version=2026.06.* and not site="Odesa port"');
  await page.click('text=Narrow');
  const fits = await total(`where=${encodeURIComponent('version=2026.06.* and not site="Odesa port"')}`);
  await until('a condition narrows it', async () => (await rows(page)) === fits);
  await page.click('text=+ save this filter');
  await page.fill('.saved input', 'old-software');
  await page.click('.saved form button');
  await page.waitForSelector('.kept:has-text("old-software")');
  await page.click('text=clear');
  await until('all are back', async () => (await rows(page)) === fleet.terminals);
  await page.click('.kept >> text=old-software');
  await until('the saved filter narrows it', async () => (await rows(page)) === fits);
  await page.click('.kept button[aria-label]');
  await page.waitForSelector('.kept', { state: 'detached' });
  await page.click('text=clear');
  await page.click('th >> text=Site');
  await until('it is sorted by site', async () => (await page.getAttribute('th:has-text("Site")', 'aria-sort')) === 'ascending');
  const sites = async () => (await page.locator('tr[data-terminal] td:nth-child(9)').allTextContents()).filter(Boolean);
  await until('in order', async () => { const found = await sites(); return found.length > 20 && found.join() === [...found].sort().join(); });
  step('conditions are saved for all who work on the fleet, and forgotten; the table is sorted');

  await page.click('.parts >> text=Software');
  await page.waitForSelector('[data-version]');
  const versions = await api(who, '/v1/fleet/versions');
  assert.equal(await page.locator('[data-version]').count(), versions.items.length);
  await page.click(`[data-version="${versions.oldest}"] button`);
  await until('a version opens its terminals', async () => (await rows(page)) === versions.items.find((one) => one.version === versions.oldest).terminals);
  await page.click('.parts >> text=Data use');
  await page.waitForSelector('[data-used=relief]');
  assert.match(await page.textContent('#panel'), /estimate/);
  step('the roll-out of software, and data use, which is called an estimate');

  await page.goto(`${process.env.OPENLEO_URL}/?view=fleet&part=table`);
  await until('the table is there', async () => (await rows(page)) === fleet.terminals);
  await page.click('text=Choose all');
  await page.waitForSelector(`[data-chosen="${fleet.terminals}"]`);
  await page.click('text=Tell them something');
  await page.selectOption('form.new select', 'reboot');
  await page.fill('form.new textarea', 'An exercise');
  await page.waitForSelector('[data-not-allowed]');
  assert.match(await page.textContent('[data-cannot]'), /openleo fleet allow reboot/);
  assert.ok(await page.isDisabled('[data-start]'));
  step('to restart dishes is off, and how to allow it is said');

  await page.selectOption('form.new select', 'clear-map');
  await page.fill('form.new label:has-text("Watched for") input', '0');
  await page.fill('form.new label:has-text("a minute") input', '600');
  await page.fill('form.new label:has-text("at once") input', '100');
  assert.ok(await page.isDisabled('[data-start]'), 'nothing starts without a preview');
  await page.click('form.new button:has-text("Preview")');
  await page.waitForSelector('[data-preview="3"]');
  assert.match(await page.textContent('.preview'), /left out, and why/);
  assert.equal(await page.locator('[data-left=no-dish] li').count(), 25, '24 of them, and how many more');
  assert.ok(await page.isDisabled('[data-start]'), 'nothing starts without a yes');
  await page.check('.preview label:has-text("Yes, tell 3") input');
  await page.click('[data-start]');
  await page.waitForSelector('[data-job-state]');
  await until('all three are told, and well', async () => (await page.locator('[data-step=well]').count()) === 3, 60_000);
  await page.waitForSelector('[data-job-state=done]', { timeout: 30_000 });
  step('what is harmless is previewed, confirmed, started; each dish is told and seen to be well');

  openleo('fleet', 'allow', 'reboot', '--reason', 'an exercise');
  await page.goto(`${process.env.OPENLEO_URL}/?view=fleet&part=table&where=by-us`);
  await until('the dishes are there', async () => (await rows(page)) === 3);
  await page.locator('thead input').check();
  await page.click('text=Tell them something');
  await page.selectOption('form.new select', 'reboot');
  await page.fill('form.new textarea', 'An exercise of stopping');
  await page.waitForSelector('text=an exercise'); // who allowed it, and why
  await page.click('form.new button:has-text("Preview")');
  await page.waitForSelector('[data-preview="3"]');
  await page.check('.preview label:has-text("Yes, tell 3") input');
  await page.click('[data-start]');
  await page.waitForSelector('[data-job-state=running]');
  await until('the canary is told', async () => (await page.locator('[data-step=acknowledged], [data-step=well]').count()) === 1, 60_000);
  await page.fill('aside.right form input', 'enough seen');
  await page.click('text=Stop it');
  await page.waitForSelector('[data-job-state=stopped]');
  assert.equal(await page.locator('[data-step=waiting]').count(), 2, 'nobody else was told');
  const jobs = (await api(who, '/v1/fleet/jobs')).items;
  assert.deepEqual(jobs.map((one) => one.state), ['stopped', 'done']);
  step('a canary is told first and watched; a job is stopped with a reason, and nobody else is told');

  assert.deepEqual(page.faults, []);
} finally { await browser.close(); }
