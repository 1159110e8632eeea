/** Frames of the stream: one slot of the whole network, whole or as what changed. docs/api-live.md has the layout. */
import { PARTS, VERSION } from './layout';

export type Column = Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array;
const TYPES = [Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array] as const;
const MAGIC = 0x4f454c4f; // OLEO
const HEADER_BYTES = 48;

export interface Frame {
  delta: boolean;
  slot: number;
  base: number;
  beginMs: number;
  sentMs: number;
  speed: number;
  rulesVersion: number;
  /** By `part.column`. */
  columns: Map<string, Column>;
}

const NAMES = new Map<number, string>();
for (const [part, { number, columns }] of Object.entries(PARTS)) {
  columns.forEach((column, i) => NAMES.set(number * 256 + i, `${part}.${column}`));
}

/** Reads a frame; throws where it is none, or of a version that this page does not know. */
export function readFrame(buffer: ArrayBuffer): Frame {
  const view = new DataView(buffer);
  if (buffer.byteLength < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) throw new Error('this is no frame of the stream');
  const version = view.getUint16(4, true);
  if (version !== VERSION) throw new Error(`the stream has layout ${version}, and this page knows ${VERSION}: load it again`);
  if (view.getUint32(40, true) !== buffer.byteLength) throw new Error('the frame was cut off');
  const columns = new Map<string, Column>();
  for (let i = 0; i < view.getUint16(44, true); i++) {
    const at = HEADER_BYTES + 12 * i, name = NAMES.get(view.getUint16(at, true)), type = TYPES[view.getUint8(at + 2)];
    if (name && type) columns.set(name, new type(buffer, view.getUint32(at + 4, true), view.getUint32(at + 8, true)));
  }
  return {
    delta: view.getUint8(6) === 1, slot: view.getInt32(8, true), base: view.getInt32(12, true), beginMs: view.getFloat64(16, true),
    sentMs: view.getFloat64(24, true), speed: view.getFloat32(32, true), rulesVersion: view.getUint32(36, true), columns,
  };
}

const ROWS = ['cells', 'measures', 'satellites'] as const;

export interface Dark { cause: number; rule: number; fault: number; seconds: number }

/** The network in one slot, as frames told it. */
export class Picture {
  slot = -1;
  beginMs = 0;
  rulesVersion = 0;
  readonly columns = new Map<string, Column>();
  readonly dark = new Map<number, Dark>();
  readonly moved = new Map<number, { cell: number; latitude: number; longitude: number }>();

  column(name: string): Column | undefined { return this.columns.get(name); }

  /** Takes a frame; false where it does not follow on what is here. */
  apply(frame: Frame): boolean {
    if (frame.delta && frame.base !== this.slot) return false;
    if (!frame.delta) { this.columns.clear(); this.dark.clear(); this.moved.clear(); }
    const handled = new Set<string>();
    for (const part of ROWS) this.applyRows(frame, part, handled);
    this.applyDark(frame);
    for (const [name, column] of frame.columns) if (!handled.has(name) && !/^(dark|movers)\./.test(name)) this.columns.set(name, column);
    this.slot = frame.slot; this.beginMs = frame.beginMs; this.rulesVersion = frame.rulesVersion;
    return true;
  }

  private applyRows(frame: Frame, part: string, handled: Set<string>): void {
    const rows = frame.columns.get(`${part}.row`);
    if (!rows) return;
    handled.add(`${part}.row`);
    for (const [name, changed] of frame.columns) {
      if (!name.startsWith(`${part}.`) || handled.has(name)) continue;
      handled.add(name);
      const whole = this.columns.get(name);
      if (!whole) continue;
      const copy = whole.slice();
      for (let i = 0; i < rows.length; i++) copy[rows[i]] = changed[i];
      this.columns.set(name, copy);
    }
  }

  private applyDark(frame: Frame): void {
    const of = (name: string): Column | undefined => frame.columns.get(name);
    for (const terminal of of('dark.gone') ?? []) this.dark.delete(terminal);
    const who = of('dark.terminal'), cause = of('dark.cause'), rule = of('dark.rule'), fault = of('dark.fault'), seconds = of('dark.seconds');
    who?.forEach((terminal: number, i: number) => {
      this.dark.set(terminal, { cause: cause?.[i] ?? 255, rule: rule?.[i] ?? -1, fault: fault?.[i] ?? -1, seconds: seconds?.[i] ?? 0 });
    });
    const mover = of('movers.terminal'), cell = of('movers.cell'), latitude = of('movers.latitude_deg'), longitude = of('movers.longitude_deg');
    mover?.forEach((terminal: number, i: number) => {
      this.moved.set(terminal, { cell: cell?.[i] ?? -1, latitude: latitude?.[i] ?? 0, longitude: longitude?.[i] ?? 0 });
    });
  }

  /** What each terminal is dark for, 0 where it is online for a part of the slot; `cellOf` is where those that stay are. */
  terminalCauses(cellOf: Int32Array): Uint8Array {
    const cells = this.columns.get('cells.cause') ?? new Uint8Array(0), out = new Uint8Array(cellOf.length);
    for (let i = 0; i < out.length; i++) out[i] = cells[cellOf[i]] ?? 255;
    for (const [i, { cell }] of this.moved) out[i] = cells[cell] ?? 255;
    for (const [i, { cause, seconds }] of this.dark) out[i] = seconds ? 0 : cause;
    return out;
  }
}
