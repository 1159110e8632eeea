import { expect, test } from 'vitest';
import { PARTS, VERSION } from './layout';
import { Picture, readFrame } from './stream';

const TYPES = [Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array] as const;
type Given = Record<string, InstanceType<(typeof TYPES)[number]>>;

/** Writes a frame as the server does. */
function frame(slot: number, given: Given, base = slot): ArrayBuffer {
  const blocks = Object.entries(given), sizes = blocks.map(([, v]) => Math.ceil(v.byteLength / 4) * 4);
  const head = 48 + 12 * blocks.length, buffer = new ArrayBuffer(head + sizes.reduce((a, b) => a + b, 0)), view = new DataView(buffer);
  'OLEO'.split('').forEach((c, i) => view.setUint8(i, c.charCodeAt(0)));
  view.setUint16(4, VERSION, true); view.setUint8(6, base === slot ? 0 : 1); view.setInt32(8, slot, true); view.setInt32(12, base, true);
  view.setFloat64(16, slot * 15_000, true); view.setFloat64(24, slot * 15_000 + 5, true); view.setFloat32(32, 60, true); view.setUint32(36, 4, true);
  view.setUint32(40, buffer.byteLength, true); view.setUint16(44, blocks.length, true);
  let at = head;
  blocks.forEach(([name, values], i) => {
    const [part, column] = name.split('.'), layout = PARTS[part as keyof typeof PARTS];
    view.setUint16(48 + 12 * i, layout.number * 256 + (layout.columns as readonly string[]).indexOf(column), true);
    view.setUint8(50 + 12 * i, TYPES.findIndex((type) => values instanceof type));
    view.setUint32(52 + 12 * i, at, true); view.setUint32(56 + 12 * i, values.length, true);
    new Uint8Array(buffer, at).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    at += sizes[i];
  });
  return buffer;
}
const whole = (): Given => ({
  'cells.cause': Uint8Array.of(0, 7, 255), 'cells.satellite': Int16Array.of(5, -1, -1), 'dark.terminal': Int32Array.of(1, 3), 'dark.cause': Uint8Array.of(108, 2),
  'dark.rule': Int16Array.of(0, -1), 'dark.fault': Int16Array.of(-1, -1), 'dark.seconds': Uint16Array.of(0, 0b111), 'gateways.antennas': Uint16Array.of(8),
});

test('a frame is read as it is written', () => {
  const found = readFrame(frame(7, whole()));
  expect([found.slot, found.delta, found.speed, found.rulesVersion, found.sentMs - found.beginMs]).toEqual([7, false, 60, 4, 5]);
  expect([...found.columns.get('cells.satellite')!]).toEqual([5, -1, -1]);
});

test('what is no frame, of another version or cut off is refused', () => {
  const good = frame(7, whole()), other = good.slice(0);
  new DataView(other).setUint16(4, VERSION + 1, true);
  expect(() => readFrame(other)).toThrow(/layout/);
  expect(() => readFrame(good.slice(0, 60))).toThrow(/cut off/);
  expect(() => readFrame(new ArrayBuffer(3))).toThrow();
});

test('a terminal is as its cell is, but where it fares otherwise', () => {
  const picture = new Picture();
  picture.apply(readFrame(frame(7, whole())));
  // cells of five terminals; 1 is off by a rule, 3 was online for three seconds
  expect([...picture.terminalCauses(Int32Array.of(0, 0, 1, 1, 2))]).toEqual([0, 108, 7, 0, 255]);
});

test('a delta changes rows, adds and removes dark terminals, and must follow', () => {
  const picture = new Picture();
  picture.apply(readFrame(frame(7, whole())));
  const delta = frame(9, {
    'cells.row': Int32Array.of(1), 'cells.cause': Uint8Array.of(0), 'cells.satellite': Int16Array.of(9), 'dark.gone': Int32Array.of(1), 'dark.terminal': Int32Array.of(0),
    'dark.cause': Uint8Array.of(20), 'dark.rule': Int16Array.of(-1), 'dark.fault': Int16Array.of(2), 'dark.seconds': Uint16Array.of(0), 'gateways.antennas': Uint16Array.of(3),
    'movers.terminal': Int32Array.of(4), 'movers.cell': Int32Array.of(1), 'movers.latitude_deg': Float32Array.of(50), 'movers.longitude_deg': Float32Array.of(30),
  }, 7);
  expect(picture.apply(readFrame(delta))).toBe(true);
  expect([...picture.column('cells.satellite')!]).toEqual([5, 9, -1]);
  expect([...picture.column('gateways.antennas')!]).toEqual([3]);
  expect([...picture.terminalCauses(Int32Array.of(0, 0, 1, 1, 2))]).toEqual([20, 0, 0, 0, 0]);
  expect(picture.apply(readFrame(frame(11, {}, 8)))).toBe(false);
  expect(picture.slot).toBe(9);
});
