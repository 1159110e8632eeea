// A day at the page, with the real server: look, ask why, replay, draw, ask, sign twice, see it act, check the log, undo.
import assert from 'node:assert/strict';
import { api, counts, countsOfApi, mapReady, open, PLAIN, step, until, visit } from './lib.mjs';

const [amina, jonas] = [process.env.OPENLEO_FIRST, process.env.OPENLEO_SECOND];
const browser = await open(), plain = await open(PLAIN), AREA = `drawn-${Date.now() % 100_000}`;
const ours = (fault) => !/WebGL/.test(fault);
const at = process.env.OPENLEO_AT ?? '50.45,30.52';

try {
  let page = await visit(browser, `/?at=${at},7&map=flat`, amina);
  await mapReady(page);
  step('it loads, and the map is drawn');

  const { clock } = await api(amina, '/v1/network');
  const then = new Date(Date.parse(clock.now) - 3 * clock.slot_s * 1000).toISOString();
  await page.goto(`${process.env.OPENLEO_URL}/?t=${then}`);
  await page.waitForSelector('.mode.replay');
  const slot = await until('a slot is shown', async () => Number(await page.getAttribute('.range', 'aria-valuenow') ?? await page.inputValue('.range')));
  await until('the numbers are those of the API', async () => JSON.stringify(await counts(page)) === JSON.stringify(await countsOfApi(amina, slot)));
  step('the counts are those that the API gives');

  const dark = (await api(amina, `/v1/network/terminals?slot=${slot}&cause=${process.env.OPENLEO_CAUSE ?? 'POWER_OFF'}&limit=1`)).items[0];
  await page.goto(`${process.env.OPENLEO_URL}/?t=${then}&at=${dark.latitude_deg},${dark.longitude_deg},11.5&map=flat`);
  await mapReady(page);
  await page.waitForTimeout(800);
  const box = await page.locator('.map').boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await page.waitForSelector('[data-verdict]');
  assert.equal(await page.getAttribute('[data-verdict]', 'data-verdict'), dark.cause);
  assert.match(page.url(), /sel=terminal:/);
  step(`a click on a dark terminal tells its cause, ${dark.cause}`);

  await page.click('nav .tab >> text=Outages');
  await page.selectOption('footer select >> nth=1', '0'); // all that can be replayed
  await page.selectOption('aside.left select', 'fault');
  const fault = process.env.OPENLEO_FAULT ?? 'lost';
  await page.click(`aside.left .item:has-text("${fault}")`);
  await page.waitForSelector('.mode.replay');
  const past = (await api(amina, `/v1/network/outages?by=fault&from=${clock.first_slot}`)).items.find((one) => one.fault === fault);
  await until('the time of the outage is shown', async () => { const s = Number(await page.inputValue('.range')); return s >= past.from_slot && s < past.until_slot; });
  await until('its cause is told', async () => (await page.getAttribute('[data-verdict]', 'data-verdict')) === past.cause);
  step('an outage of the past moves map and time there, and says why');

  await page.goto(`${process.env.OPENLEO_URL}/?view=areas&at=${at},7&map=flat`);
  await mapReady(page);
  await page.click('text=New area');
  await page.click('text=Draw on the map');
  await page.waitForSelector('.drawing');
  await page.waitForTimeout(1200);
  const map = await page.locator('.map').boundingBox(), [x, y] = [map.x + map.width / 2, map.y + map.height / 2], r = 90;
  for (const [dx, dy] of [[-r, -r], [r, -r], [r, r], [-r, r], [-r, r]]) { await page.mouse.click(x + dx, y + dy); await page.waitForTimeout(350); }
  await page.waitForSelector('aside.left [role=status] b');
  await page.fill('aside.left form label:has-text("Id") input', AREA);
  await page.fill('aside.left form label:has-text("Title") input', 'Drawn by hand');
  await page.click('text=Make the area');
  await page.waitForSelector('aside.right :text("In this slot")');
  step('an area is drawn');

  await page.click('text=Switch off…');
  await page.fill('aside.right textarea', 'An exercise: the feeder is worked on tonight');
  await page.waitForSelector('aside.right form [data-life=ut-hospital] >> text=stays on');
  step('before anybody asks, the dialogue names the hospital, which stays on');
  await page.click('text=Send the request');
  await page.waitForSelector('aside.right .effect');
  const cut = Number(await (await page.waitForSelector('[data-there]')).getAttribute('data-there'));
  assert.ok(cut > 0, 'the preview names terminals');
  await page.setInputFiles('aside.right input[type=file]', amina); // the page was loaded again: its key is gone, as it must be
  await page.check('aside.right label:has-text("Cut Regional hospital off too") input');
  await page.waitForSelector('aside.right [data-life=ut-hospital] >> text=is cut');
  await page.click('text=Sign as the first person');
  await page.waitForSelector('aside.right :text("Waits for somebody else")');
  step(`it is asked to be off with a reason; ${cut} terminals stand there; the first person signs`);

  const other = await visit(plain, '/?view=requests', jonas);
  await other.click(`aside.left .item:has-text("${AREA}")`);
  const grant = other.locator('aside.right button:has-text("Sign as the second person")');
  await grant.waitFor();
  assert.ok(await grant.isDisabled(), 'nobody grants it before they confirmed the hospital by name');
  await other.check('aside.right label:has-text("I confirm that Regional hospital is cut off") input');
  step('the hospital is cut only where both people name it');
  await grant.click();
  const effective = (await (await other.waitForSelector('aside.right [role=status] b:has-text("Acts from")')).textContent()).match(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)Z/);
  const acts = Date.parse(`${effective[1]}T${effective[2]}Z`);
  step(`a second person approves; it acts from ${effective[0]}`);

  await until('the second browser sees it', async () => (await counts(other)).policy > 0);
  const seen = Date.now();
  await until('so does the first', async () => (await counts(page)).policy > 0, 2000);
  assert.ok(Date.now() - seen < 2000);
  const first = await api(amina, '/v1/network'), from = first.clock.slot + Math.round((acts - Date.parse((await api(amina, `/v1/network/causes?slot=${first.clock.slot}`)).start)) / 15_000);
  assert.equal((await countsOfApi(amina, from)).policy, cut);
  assert.equal((await countsOfApi(amina, from - 1)).policy, 0);
  step('its terminals are dark from the stated slot on, and not before; both browsers see it within two seconds');

  await other.click('aside.right button:has-text("Entry")');
  await other.waitForSelector('[data-proof]');
  assert.equal(await other.getAttribute('[data-proof]', 'data-proof'), 'valid');
  step('the decision is in the log, and its proof holds');

  // A stranger: a town's name, and from there to who decided.
  const stranger = await visit(plain, '/', jonas);
  await stranger.fill('#search', 'Kyiv');
  await stranger.waitForSelector('#found li:has-text("Kyiv"):has-text("Place")');
  await stranger.click('#found li:has-text("Kyiv"):has-text("Place")');
  await stranger.waitForSelector('aside.right [data-verdict=CELL_IS_DISABLED]');
  await stranger.waitForSelector('aside.right .who [data-people]:has-text("amina"):has-text("jonas")');
  await stranger.click('aside.right .who button:has-text("Entry")');
  await stranger.waitForSelector('[data-proof=valid]');
  await stranger.waitForSelector('aside.right :text("An exercise: the feeder is worked on tonight")');
  assert.deepEqual(stranger.faults.filter(ours), []);
  await stranger.context().close();
  step('a stranger finds by a town’s name that it is off, which two people decided so and why, and the proof');

  await page.goto(`${process.env.OPENLEO_URL}/?view=claims`);
  await page.click('text=Record one');
  await page.fill('aside.left label:has-text("Who said it") input', 'A provider');
  await page.fill('aside.left label:has-text("What they said") textarea', 'It is off for everybody');
  await page.fill('aside.left label:has-text("Where it can be read") input', 'a notice');
  await page.fill('aside.left label:has-text("When they said it") input', clock.now.slice(0, 10));
  await page.selectOption('aside.left form select', AREA);
  await page.click('text=Record the claim');
  await page.click('aside.left li:has-text("It is off for everybody") >> text=What became of it');
  await page.selectOption('aside.left li form select', 'denied');
  await page.fill('aside.left li form textarea', 'The neighbours are served');
  await page.fill('aside.left li form input', 'the map');
  await page.click('text=Write it down');
  await page.waitForSelector('aside.left li:has-text("It is off for everybody") [data-status=denied]');
  step('a claim is recorded and denied, beside what was decided');

  const barred = (await api(amina, '/v1/network/terminals?cause=CELL_IS_DISABLED&limit=1')).items[0];
  await page.goto(`${process.env.OPENLEO_URL}/?sel=terminal:${barred.id}`);
  await page.waitForSelector('[data-verdict=CELL_IS_DISABLED]');
  await page.click('aside.right .who button:has-text("Entry")');
  await page.waitForSelector('[data-proof=valid]');
  step('a terminal that is off says who decided, and leads to that entry');

  await other.goto(`${process.env.OPENLEO_URL}/?view=areas&sel=area:${AREA}`);
  await other.click('text=Switch on…');
  await other.fill('aside.right textarea', 'The work is done');
  await other.click('text=Send the request');
  await other.setInputFiles('aside.right input[type=file]', jonas);
  await other.click('text=Sign as the first person');
  await page.goto(`${process.env.OPENLEO_URL}/?view=requests`);
  await page.click(`aside.left .item:has-text("${AREA}")`);
  await page.setInputFiles('aside.right input[type=file]', amina);
  await page.click('text=Sign as the second person');
  await page.waitForSelector('aside.right :text("Acts from")');
  await until('they are back', async () => (await counts(page)).policy === 0);
  step('it is undone by two people, and they are back');

  assert.deepEqual([...page.faults, ...other.faults].filter(ours), []);
  step('no page met an error');
} finally {
  await Promise.all([browser.close(), plain.close()]);
}
