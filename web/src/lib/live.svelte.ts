/** The network as the page sees it: its tables, the present slot or one of the past, and the clock between slots. */
import { address, authorise, base, bearer, get, getBytes, Problem } from './api';
import type { operations } from './api-types';
import { Ephemeris, readChunk } from './ephemeris';
import { fleet } from './fleet.svelte';
import { setPlace, ui } from './place.svelte';
import { bits } from './mixed';
import { STATE_OF_CAUSE } from './states';
import { Picture, readFrame, type Frame } from './stream';
import type { CellsTable, FaultsTable, GatewaysTable, Network, PopsTable, RulesTable, SatellitesTable, TerminalsTable } from './shapes';

export const SLOT_MS = 15_000;
const KEPT_PICTURES = 60;
const STALE_MS = 12_000;
const SPEEDS = [1, 10, 60, 300];

type Name = operations['network-table']['parameters']['path']['name'];
export interface Tables {
  cells: CellsTable; terminals: TerminalsTable; satellites: SatellitesTable; gateways: GatewaysTable; pops: PopsTable; rules: RulesTable; faults: FaultsTable;
}

/** `cause` is 0 where it is online for a second at least; `why` what its other seconds lack. */
export interface Faring { cause: number; onlineS: number; why: number }

class Live {
  network = $state.raw<Network | null>(null);
  tables = $state.raw<Tables | null>(null);
  /** What is shown: the newest slot, or the one that is replayed. `tick` tells that it changed. */
  shown = $state.raw<Picture | null>(null);
  tick = $state(0);
  causes = $state.raw<Uint8Array>(new Uint8Array(0));
  phase = $state<'loading' | 'login' | 'ready' | 'error'>('loading');
  problem = $state.raw<Problem | Error | null>(null);
  connected = $state(false);
  /** The newest slot is older than it should be. */
  behind = $state(false);
  /** Slot time in ms, for text: four times a second. */
  nowMs = $state(0);
  newest = $state(0);
  playing = $state(false);
  speed = $state(10);
  loadingPast = $state(false);
  speeds = SPEEDS;
  ephemeris: Ephemeris | null = null;

  private latest: Picture | null = null;
  private cellOf = new Int32Array(0);
  private mark = { at: 0, ms: 0, speed: 0 };
  private heard = 0;
  private past = new Map<number, Promise<Picture>>();
  private wanted = -1;
  private socket: WebSocket | null = null;
  private timer = 0;
  private played = 0;
  private onRepaint: () => void = () => {};
  private tries = 0;

  replaying = $derived(ui.place.at !== null);
  stale = $derived.by(() => { void this.nowMs; return this.network?.mode === 'live' && !this.replaying && (!this.connected || performance.now() - this.heard > STALE_MS + 2 * SLOT_MS / Math.max(1, this.mark.speed) || this.behind); });
  slot = $derived(this.shown ? (void this.tick, this.shown.slot) : 0);
  firstSlot = $derived(this.network?.clock.first_slot ?? 0);

  repaintWith(call: () => void): void { this.onRepaint = call; }

  async start(): Promise<void> {
    this.phase = 'loading';
    this.problem = null;
    try {
      this.network = await this.readNetwork();
      if (!this.network) { this.phase = 'ready'; return; }
      if (this.network.login && !bearer()) { this.phase = 'login'; return; }
      const finding = fleet.find(); // what is chosen in its view is a terminal of the fleet, which a network may not have
      await this.load();
      if (ui.place.view === 'fleet') await finding;
      this.phase = 'ready';
      this.connect();
      if (!this.timer) this.timer = window.setInterval(() => this.beat(), 250);
      window.setInterval(() => void this.poll(), 20_000);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) { authorise(null); this.phase = 'login'; return; }
      this.problem = error as Error;
      this.phase = 'error';
      if (error instanceof Problem && [0, 503].includes(error.status)) window.setTimeout(() => { if (this.phase === 'error') void this.start(); }, Math.max(2, error.retryS) * 1000);
    }
  }

  /** The network that this server shows; null where it shows a fleet alone. */
  private async readNetwork(): Promise<Network | null> {
    try {
      return await get('/v1/network');
    } catch (error) {
      if (!(error instanceof Problem && error.status === 404)) throw error;
      await fleet.begin();
      return null;
    }
  }

  private async load(): Promise<void> {
    const table = async <C>(name: Name): Promise<C> => (await get('/v1/network/tables/{name}', { path: { name } })).columns as C;
    const [cells, terminals, satellites, gateways, pops, rules, faults, eph] = await Promise.all([
      table<CellsTable>('cells'), table<TerminalsTable>('terminals'), table<SatellitesTable>('satellites'), table<GatewaysTable>('gateways'),
      table<PopsTable>('pops'), table<RulesTable>('rules'), table<FaultsTable>('faults'),
      get('/v1/ephemeris'),
    ]);
    this.tables = { cells, terminals, satellites, gateways, pops, rules, faults };
    this.cellOf = Int32Array.from(terminals.cell);
    this.ephemeris = new Ephemeris(
      eph.keyframe_s, eph.chunk_s,
      async (n) => readChunk(await getBytes('/v1/ephemeris/{chunk}', { path: { chunk: n }, query: { run: this.network!.run } })), () => this.onRepaint(),
    );
    const newest = readFrame(await getBytes('/v1/network/frames/{slot}', { path: { slot: 'latest' } }));
    this.take(newest);
    const clock = this.network!.clock;
    this.behind = clock.state === 'behind';
    this.setClock(Date.parse(clock.now), clock.state === 'live' || clock.state === 'behind' ? clock.speed : 0);
    if (this.network!.mode === 'replay' && ui.place.at === null) setPlace({ at: newest.beginMs });
    if (ui.place.at !== null) await this.showPast();
  }

  private async poll(): Promise<void> {
    try {
      this.network = await get('/v1/network');
      if (this.shown && this.shown.rulesVersion > 0 && this.network.rules_version !== this.rulesRead) await this.readRules();
    } catch { /* the socket tells */ }
  }

  private rulesRead = 0;
  private async readRules(): Promise<void> {
    this.rulesRead = this.network!.rules_version;
    const rules = (await get('/v1/network/tables/{name}', { path: { name: 'rules' } })).columns as RulesTable;
    this.tables = { ...this.tables!, rules };
  }

  private connect(): void {
    if (this.network?.mode === 'replay') { this.connected = true; this.heard = performance.now(); return; }
    const url = new URL(address('/v1/stream', {}, { from: this.latest?.slot }));
    url.protocol = base.protocol === 'https:' ? 'wss:' : 'ws:';
    const token = bearer(), socket = new WebSocket(url, token ? ['openleo.stream.v1', `bearer.${token}`] : ['openleo.stream.v1']);
    this.socket?.close();
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => { this.connected = true; this.heard = performance.now(); this.tries = 0; };
    socket.onmessage = ({ data }) => {
      this.heard = performance.now();
      if (!this.connected) this.connected = true;
      try {
        const frame = readFrame(data as ArrayBuffer);
        if (!this.take(frame)) { socket.close(); return; }
        this.setClock(frame.sentMs, frame.speed);
        this.behind = frame.sentMs - frame.beginMs > 3 * SLOT_MS;
      } catch (error) {
        this.problem = error as Error;
      }
    };
    socket.onclose = ({ code }) => {
      if (this.socket !== socket) return;
      this.connected = false;
      if (code === 4401) { authorise(null); this.phase = 'login'; return; }
      this.tries += 1;
      window.setTimeout(() => this.connect(), Math.min(10_000, 300 * 2 ** Math.min(5, this.tries)) * (0.7 + 0.6 * Math.random()));
    };
  }

  /** Takes a frame of the present; false where it does not follow. */
  private take(frame: Frame): boolean {
    const picture = this.latest ?? new Picture();
    if (!picture.apply(frame)) return false;
    this.latest = picture;
    this.newest = picture.slot;
    if (ui.place.at === null) this.show(picture);
    return true;
  }

  private show(picture: Picture): void {
    this.shown = picture;
    this.causes = picture.terminalCauses(this.cellOf);
    this.tick += 1;
    this.onRepaint();
  }

  private setClock(ms: number, speed: number): void { this.mark = { at: performance.now(), ms, speed }; }

  /** The instant that is shown, ms: exact between slots. */
  timeMs(): number {
    if (ui.place.at !== null) return ui.place.at + (this.playing ? (performance.now() - this.played) * this.speed : 0);
    return this.mark.ms + (performance.now() - this.mark.at) * this.mark.speed;
  }

  /** Seconds since the GPS epoch of the instant that is shown; slots count them. */
  gpsS(ms = this.timeMs()): number {
    const known = this.latest ?? this.shown;
    return known ? known.slot * 15 + (ms - known.beginMs) / 1000 : 0;
  }

  slotAt(ms: number): number {
    const known = this.latest ?? this.shown;
    return known ? known.slot + Math.floor((ms - known.beginMs) / SLOT_MS) : 0;
  }

  msOf(slot: number): number {
    const known = this.latest ?? this.shown;
    return known ? known.beginMs + (slot - known.slot) * SLOT_MS : 0;
  }

  private beat(): void {
    this.nowMs = this.timeMs();
    if (this.playing && ui.place.at !== null) {
      const at = this.timeMs();
      this.played = performance.now();
      if (this.slotAt(at) > this.newest) { this.playing = false; if (this.network?.mode === 'live') this.goLive(); return; }
      setPlace({ at }, 'quiet');
      void this.showPast();
    }
    if (this.playing || (this.mark.speed && ui.place.at === null)) this.onRepaint();
  }

  /** Shows an instant of the past. */
  seek(ms: number, quiet = false): void {
    const first = this.msOf(this.firstSlot), last = this.msOf(this.newest) + SLOT_MS - 1;
    setPlace({ at: Math.max(first, Math.min(last, ms)) }, quiet ? 'quiet' : 'replace');
    this.played = performance.now();
    this.nowMs = this.timeMs();
    void this.showPast();
  }

  play(on: boolean): void {
    if (on && ui.place.at === null) this.seek(this.msOf(this.firstSlot));
    this.played = performance.now();
    if (!on && ui.place.at !== null) setPlace({ at: Math.round(this.timeMs()) });
    this.playing = on;
  }

  goLive(): void {
    if (this.network?.mode === 'replay') { this.seek(this.msOf(this.newest)); return; }
    this.playing = false;
    setPlace({ at: null });
    if (this.latest) this.show(this.latest);
    this.nowMs = this.timeMs();
  }

  /** Shows what the address asks for, after the browser went back or forward. */
  follow(): void {
    if (ui.place.at === null) { if (this.latest) this.show(this.latest); } else void this.showPast();
  }

  private async showPast(): Promise<void> {
    const slot = Math.min(this.newest, Math.max(this.firstSlot, this.slotAt(ui.place.at!)));
    if (slot === this.wanted && this.shown?.slot === slot) return;
    this.wanted = slot;
    try {
      this.loadingPast = !this.past.has(slot);
      const picture = await this.picture(slot);
      if (this.wanted === slot && ui.place.at !== null) this.show(picture);
    } catch (error) {
      this.past.delete(slot);
      if (this.wanted === slot) this.wanted = -1;
      console.warn('the past could not be shown', error);
    } finally {
      this.loadingPast = false;
    }
  }

  private picture(slot: number): Promise<Picture> {
    let found = this.past.get(slot);
    if (!found) {
      found = getBytes('/v1/network/frames/{slot}', { path: { slot: String(slot) } }).then((bytes) => {
        const picture = new Picture();
        picture.apply(readFrame(bytes));
        return picture;
      });
      this.past.set(slot, found);
      if (this.past.size > KEPT_PICTURES) this.past.delete(this.past.keys().next().value!);
    }
    return found;
  }

  /** Which slot to ask the server about: none while live, so that the answer is the newest. */
  asked = $derived(ui.place.at === null ? undefined : this.slot);

  cellOfTerminal(i: number): number { return this.shown?.moved.get(i)?.cell ?? this.cellOf[i]; }

  placeOfTerminal(i: number): [number, number] | null {
    const t = this.tables!.terminals, moved = this.shown?.moved.get(i);
    if (moved) return [moved.longitude, moved.latitude];
    const lon = t.longitude_deg[i], lat = t.latitude_deg[i];
    if (lon !== null && lat !== null) return [lon, lat];
    const cell = this.cellOf[i];
    return cell >= 0 ? [this.tables!.cells.longitude_deg[cell], this.tables!.cells.latitude_deg[cell]] : null;
  }

  /** The state of each cell: where nobody asks, that of those who may not. */
  cellStates(): Uint8Array {
    const cells = this.shown?.column('cells.cause'), n = this.tables?.cells.h3.length ?? 0, out = new Uint8Array(n).fill(4);
    if (!cells) return out;
    for (let i = 0; i < n; i++) out[i] = STATE_OF_CAUSE[cells[i]];
    const barred = new Map<number, [number, number, number]>();
    for (const [terminal, dark] of this.shown!.dark) {
      const cell = this.cellOfTerminal(terminal);
      if (cell < 0 || out[cell] !== 4) continue;
      const state = STATE_OF_CAUSE[dark.cause], counts = barred.get(cell) ?? [0, 0, 0];
      if (state >= 1 && state <= 3) counts[state - 1] += 1;
      barred.set(cell, counts);
    }
    for (const [cell, counts] of barred) out[cell] = 1 + counts.indexOf(Math.max(...counts));
    return out;
  }

  /** How a terminal fares in the slot that is shown, by the rule of every count: who is online for a second is online. */
  faring(i: number): Faring {
    const cause = this.causes[i] ?? 255, dark = this.shown?.dark.get(i), onlineS = dark ? bits(dark.seconds) : cause === 0 ? 15 : 0;
    return { cause, onlineS, why: dark?.cause ?? cause };
  }

  /** How many terminals are dark for each cause, as the frame counts them; online first. */
  counts = $derived.by(() => {
    void this.tick;
    const states = [0, 0, 0, 0], byCause = new Map<number, number>();
    for (const cause of this.causes) {
      if (STATE_OF_CAUSE[cause] < 4) states[STATE_OF_CAUSE[cause]] += 1;
      byCause.set(cause, (byCause.get(cause) ?? 0) + 1);
    }
    return { states, byCause };
  });
}

export const live = new Live();
