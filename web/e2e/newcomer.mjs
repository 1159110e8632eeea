// What somebody new tries: a count and its rows, a link, a phone, a terminal that comes and goes, an outage of the past, the flat map.
import assert from 'node:assert/strict';
import { api, mapReady, open, step, until, visit } from './lib.mjs';

const who = process.env.OPENLEO_FIRST, url = process.env.OPENLEO_URL, browser = await open();
const number = (text) => Number(text.replace(/\D/g, ''));
const { clock } = await api(who, '/v1/network');
const instant = (slot) => new Date(Date.parse('1980-01-06T00:00:00Z') + slot * 15_000 - 18_000).toISOString();
/** The first slot that a question finds somebody in, and who. */
async function found(query) {
  for (let slot = clock.slot; slot > clock.first_slot + 1; slot--) {
    const [one] = (await api(who, `/v1/network/terminals?${query}&limit=1&slot=${slot}`)).items;
    if (one) return { slot, one };
  }
  throw new Error(`nobody fits ${query} in any slot`);
}

/** Whether a picture has the colour of a terminal without power. The page's own rules bar fetching data:, so the picture is decoded elsewhere. */
async function yellow(page, image) {
  const blank = await page.context().newPage();
  try {
    return await blank.evaluate(async (data) => {
      const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0)), picture = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const canvas = new OffscreenCanvas(picture.width, picture.height), g = canvas.getContext('2d');
      g.drawImage(picture, 0, 0);
      const { data: dots } = g.getImageData(0, 0, picture.width, picture.height);
      for (let i = 0; i < dots.length; i += 4) if (dots[i] > 200 && dots[i + 1] > 160 && dots[i + 2] < 110) return true;
      return false;
    }, image);
  } finally { await blank.close(); }
}

try {
  const page = await visit(browser, '/', who);
  const fits = async (slot) => { await until('the rows are there', async () => Number(await page.getAttribute('[data-total]', 'data-slot')) === slot); return Number(await page.getAttribute('[data-total]', 'data-total')); };

  const dark = await found('cause=OBSTRUCTED');
  await page.goto(`${url}/?t=${instant(dark.slot)}`);
  await page.waitForSelector('.mode.replay');
  for (const cause of ['OBSTRUCTED', 'POWER_OFF']) {
    await page.click('nav .tab >> text=Now');
    const count = number(await page.textContent(`[data-cause=${cause}] b`));
    await page.click(`[data-cause=${cause}]`);
    await page.waitForSelector('[data-chip=cause]');
    await until(`${count} fit`, async () => await fits(dark.slot) === count);
    assert.equal(await page.locator('aside.left tbody tr').count(), Math.min(100, count));
    await page.click('[data-chip=cause]');
    await until('without the filter all fit', async () => await fits(dark.slot) > count);
  }
  for (const state of ['online', 'outage', 'own']) {
    await page.click('nav .tab >> text=Now');
    const count = number(await page.textContent(`[data-count=${state}]`));
    await page.click(`.count[data-state=${state}]`);
    await until(`${count} are ${state}`, async () => await fits(dark.slot) === count);
    await page.click('[data-chip=only]');
  }
  step('a count opens the rows that it counts; a filter is a chip that can be taken away');

  const part = await found('partly=true&cause=ONLINE');
  await page.goto(`${url}/?view=terminals&partly=1&t=${instant(part.slot)}&sel=terminal:${part.one.id}`);
  await page.waitForSelector(`[data-verdict=${part.one.cause}][data-state=online]`);
  assert.match(await page.textContent('aside.right [data-verdict]'), new RegExp(`Online ${part.one.online_s} of 15 s`));
  const row = page.locator('aside.left tbody tr', { hasText: part.one.id });
  assert.match(await row.textContent(), new RegExp(`online ${part.one.online_s} of 15 s`));
  assert.equal(await row.locator('svg.online').count(), 1);
  assert.match(await page.textContent('[data-mixed]'), /On and off: dark .+ of the last .+ in \d+ outages? \([A-Z][a-z].+\)/);
  step('who lacks some seconds is online for the others, in card and row, and on and off over the last minutes');

  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto(`${url}/?view=outages&by=account&span=20&map=flat&layers=night`);
  await page.waitForSelector('.mode.live');
  await page.click('[data-copy]');
  await page.waitForSelector('text=Link copied');
  const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  for (const [name, value] of Object.entries({ view: 'outages', by: 'account', span: '20', map: 'flat', layers: 'night' })) assert.equal(link.searchParams.get(name), value);
  await page.goto(link.href);
  await page.waitForSelector('.mode.replay');
  assert.equal(await page.inputValue('aside.left select'), 'account');
  assert.equal(await page.inputValue('footer select >> nth=1'), '20');
  await page.goto(`${url}/?view=terminals&cause=POWER_OFF&dark=1&t=${instant(dark.slot)}&sel=terminal:${dark.one.id}`);
  await page.waitForSelector('[data-chip=cause]');
  await page.waitForSelector('aside.right [data-verdict]');
  const copied = async () => {
    await page.click('[data-copy]');
    await page.waitForSelector('text=Link copied');
    const told = await page.locator('[role=status].told').boundingBox();
    for (const covered of ['aside.right h1', 'aside.right [aria-label=Close]', '.legend']) {
      const box = await page.locator(covered).boundingBox();
      assert.ok(told.x >= box.x + box.width || box.x >= told.x + told.width || told.y >= box.y + box.height || box.y >= told.y + told.height, `what says that it was copied covers ${covered}`);
    }
    return new URL(await page.evaluate(() => navigator.clipboard.readText())).searchParams;
  };
  const rowsLink = await copied();
  assert.deepEqual([rowsLink.get('cause'), rowsLink.get('dark')], ['POWER_OFF', '1']);
  await page.waitForSelector('[role=status].told', { state: 'hidden' });
  await page.click('nav .tab >> text=Now');
  const nowLink = await copied();
  assert.deepEqual([nowLink.get('cause'), nowLink.get('dark')], [null, null]);
  await page.click('nav .tab >> text=Terminals');
  await page.waitForSelector('[data-chip=dark]');
  step('a link copied from a live view holds its slot, filters, span and map, and no filter of another view');

  const lacks = await found('cause=POWER_OFF'), cell = lacks.one.h3;
  await page.goto(`${url}/?t=${instant(lacks.slot)}&sel=cell:${cell}`);
  await page.waitForSelector('aside.right [data-verdict]:not([data-state=online])');
  assert.match(await page.textContent('aside.right [data-verdict]'), /[Tt]erminals? here (is|are) dark/);
  const without = number(await page.textContent('[data-here=POWER_OFF] b'));
  await page.click('[data-here=POWER_OFF]');
  await page.waitForSelector('[data-chip=cell]');
  await until(`${without} rows`, async () => await fits(lacks.slot) === without);
  await page.click('[data-chip=cause]');
  await until('all that stand there are rows', async () => await fits(lacks.slot) === Number(await page.getAttribute('[data-standing]', 'data-standing')));
  await page.goto(`${url}/?t=${instant(lacks.slot)}&sel=place:${encodeURIComponent('Nowhere@0,-30')}`);
  await page.waitForSelector('aside.right >> text=No terminal of this network is near here');
  await page.click('[data-nearest]');
  await page.waitForSelector('aside.right [data-standing]');
  step('a cell says how many there are dark and for what, which opens their rows; one without terminals says where the nearest stands');


  await page.goto(`${url}/?view=outages&span=0`);
  await page.waitForSelector('footer [data-peak]');
  const most = Number(await page.getAttribute('footer [data-peak]', 'data-peak'));
  await page.click('footer [data-peak]');
  await until('the peak is shown', async () => Number(await page.inputValue('.range')) === most);
  await page.waitForSelector('aside.left .item');
  assert.doesNotMatch(await page.textContent('aside.left'), /\d now/, 'a count of outages says its instant');
  await page.click('aside.left .item:has-text("View blocked")');
  await page.waitForSelector('.mode.replay');
  await page.waitForSelector('[data-verdict=OBSTRUCTED][data-state=outage]');
  const at = Number(await page.inputValue('.range')), told = await api(who, `/v1/network/outages?by=cause&from=${clock.first_slot}`);
  const one = told.items.find((item) => item.cause === 'OBSTRUCTED');
  const then = (await api(who, `/v1/network/terminals?cause=OBSTRUCTED&slot=${at}`)).total;
  assert.ok(then > 0 && then <= one.peak, `${then} dark at ${at}, at the most ${one.peak}`);
  assert.equal((await api(who, `/v1/network/terminals?cause=OBSTRUCTED&slot=${one.peak_slot}`)).total, one.peak);
  step('an outage opens where most were dark, at one that was dark then');

  // The flat map draws terminals: where one is dark and cells are not drawn, there is its colour.
  const off = await found('cause=POWER_OFF'), camera = `${off.one.latitude_deg},${off.one.longitude_deg},10`;
  for (const kind of ['&map=flat', '']) {
    await page.goto(`${url}/?t=${instant(off.slot)}&at=${camera}${kind}&layers=cells,satellites,sites,names,night`);
    await mapReady(page);
    const box = await page.locator('.map').boundingBox(), clip = { x: box.x + box.width / 2 - 10, y: box.y + box.height / 2 - 10, width: 20, height: 20 };
    await until(`a terminal is drawn (${kind || 'globe'})`, async () => yellow(page, (await page.screenshot({ clip })).toString('base64')));
  }
  step('terminals are drawn on the globe and on the flat map');

  const phone = await visit(browser, '/', who, { width: 390, height: 780 });
  assert.equal(await phone.locator('main canvas').count(), 0);
  assert.ok(!/click the map/i.test(await phone.textContent('aside.left')), 'nothing asks for a click on a map that is not there');
  assert.match(await phone.getAttribute('.count[data-state=outage]', 'aria-label'), /\d+ outage/);
  await phone.click('[data-map]');
  await mapReady(phone);
  await phone.goto(`${url}/?t=${instant(off.slot)}&sel=terminal:${off.one.id}`);
  await phone.click('aside.right >> text=Show on map');
  await mapReady(phone);
  assert.ok(!await phone.isVisible('aside.right'));
  assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the screen');
  await phone.click('[data-map]');
  await phone.waitForSelector('[data-verdict=POWER_OFF]', { state: 'visible' });
  step('on a phone the map is shown when it is asked for, and goes again');

  await page.goto(url);
  await page.fill('#search', 'Kyi');
  assert.match(await page.textContent('#found'), /Searching/);
  await page.waitForSelector('#found li:has-text("Kyiv")');
  await page.fill('#search', 'Kyivzzz');
  assert.match(await page.textContent('#found'), /Searching/);
  await page.waitForSelector('#found li:has-text("Nothing found")');
  await page.fill('#search', part.one.id);
  await page.waitForSelector(`#found li:has-text("${part.one.id}")`);
  await page.press('#search', 'Enter');
  await until('the card has the focus', () => page.evaluate(() => document.activeElement?.matches('aside.right')));
  await page.click('button.who');
  await page.click('[data-logout]');
  await page.waitForSelector('#credential');
  step('a search says that it searches; its card takes the focus; the name leads to the way out');

  assert.deepEqual([...page.faults, ...phone.faults].filter((fault) => !/WebGL/.test(fault)), []);
  step('no page met an error');
} finally {
  await browser.close();
}
