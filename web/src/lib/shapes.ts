/** What the server answers, where the page reads it. docs/api-live.md and /openapi.json say what it means. */

export interface Clock {
  state: 'starting' | 'live' | 'behind' | 'ended' | 'replay';
  now: string; speed: number; slot_s: number; slot: number; first_slot: number; last_slot: number; until_slot: number;
  start: string; end: string; cut_off_s: number;
}
export interface Network {
  name: string; title: string; kind: string; banner: string; mode: string; login: boolean; run: string; clock: Clock;
  counts: { terminals: number; cells: number; satellites: number; gateways: number; pops: number };
  rules_version: number; bounds: [number, number, number, number] | null;
}
export interface Table<C> { name: string; rows: number; columns: C }
export interface CellsTable { h3: string[]; latitude_deg: number[]; longitude_deg: number[]; country: string[]; home_pop: number[]; terminals: number[]; place: string[] }
export interface TerminalsTable { id: string[]; latitude_deg: (number | null)[]; longitude_deg: (number | null)[]; cell: number[]; kind: string[]; account: string[]; group: string[]; moving: boolean[] }
export interface SatellitesTable { name: string[]; catalogue_number: number[]; shell: string[]; plane: number[]; in_service: boolean[]; laser: boolean[] }
export interface GatewaysTable { name: string[]; country: string[]; latitude_deg: number[]; longitude_deg: number[]; antennas: number[] }
export interface PopsTable { code: string[]; name: string[]; country: string[]; latitude_deg: number[]; longitude_deg: number[] }
export interface RulesTable { id: string[]; code: string[]; text: string[] }
export interface FaultsTable { name: string[]; kind: string[]; target: string[]; from_slot: number[]; until_slot: number[]; why: string[] }

export interface CauseCount { cause: number; name: string; meaning: string; group: string; terminals: number }
export interface Outage {
  key: string; cause: string; meaning: string; group: string; rule: string | null; rule_text: string | null; fault: string | null;
  from_slot: number; until_slot: number; start: string; end: string; open: boolean; terminals: number; hours: number; cells: number[]; example: string | null;
}
export interface TerminalRow {
  row: number; id: string; kind: string; account: string; group: string; cell: number; h3: string; latitude_deg: number | null; longitude_deg: number | null;
  moving: boolean; cause: string; online_s: number; rule: string | null; fault: string | null; satellite: string | null; gateway: string | null; rtt_ms: number | null;
}
export interface Timeline {
  slot: number[]; start: string[]; online_s: number[]; cause: string[]; rule: (string | null)[]; fault: (string | null)[]; satellite: (string | null)[];
  gateway: (string | null)[]; rtt_ms: (number | null)[]; seconds: number[]; handover: boolean[]; [more: string]: unknown;
}
export interface Candidate {
  satellite: string; elevation_deg: number[]; azimuth_deg: number[]; gso_separation_deg: number; gateways: string[]; verdict: string; utility: number | null; was_serving: boolean; units: number;
}
export interface Fault { name: string; kind: string; target: string; why: string; until?: string }
export interface Evidence {
  simulated: boolean; banner: string; slot: number; start: string;
  verdict: { online: boolean; online_s: number; cause: string; meaning: string; fault: Fault | null };
  cell: {
    h3: string; latitude_deg: number; longitude_deg: number; country: string; home_pop?: string | null; cause: string; meaning: string; reason?: string | null; asking: number;
    of_them_background?: number; satellites?: number; units?: number; rate_mbps?: number | null;
    funnel?: { above_horizon: number; in_service_above_min_elevation: number; outside_gso_exclusion: number; in_field_of_view: number; with_a_way_to_the_pop: number };
  };
  candidates: Candidate[];
  contention: { relaxed: string; fault: string | null; text: string } | null;
  policy_here: { accounts: string[]; code: string; rule: string | null; text: string }[];
  serving: null | {
    satellite: string; shell: string; units: { dwell: number; channel: number }[]; dwells_in_slot: number; others: { satellite: string; units: number }[];
    gateway: string; gateways: { gateway: string; used: boolean; elevation_deg: number; min_elevation_deg: number; antennas: number; antennas_in_use: number }[]; why_gateway: string;
    user_ms: number; feeder_ms: number; fibre_ms: number; access_ms: number; rtt_ms: number; rate_mbps: number;
  };
  terminal?: { id: string; kind: string; account: string; group: string; latitude_deg: number; longitude_deg: number; moving: boolean; speed_kmh?: number };
  policy?: { allowed: boolean; code: string; rule: string | null; text: string };
  own?: { power: 'on' | 'off' | 'booting'; fault: string | null; backup_hours: number; horizon_mask: boolean; blocked_seconds: number[] };
  faults: (Fault & { until: string })[];
  assumptions: { id: string; text: string; source: string; confidence: string }[];
}
export interface Gateway { row: number; name: string; country: string; latitude_deg: number; longitude_deg: number; antennas: number; in_use: number; satellites: string[]; cells: number; terminals: number; faults: string[] }
export interface Pop { row: number; code: string; name: string; country: string; latitude_deg: number; longitude_deg: number; cells: number; cells_served: number; terminals: number; online: number; faults: string[] }
export interface Satellite {
  row: number; name: string; catalogue_number: number; shell: string; plane: number; plane_slot: number; in_service: boolean; laser: boolean; generation: number;
  serving_cells: number; gateway: string | null; cells?: { row: number; h3: string; units: number }[]; faults?: string[];
}
export interface Found { kind: string; id: string; title: string; latitude_deg: number | null; longitude_deg: number | null; row: number | null }

export interface Area {
  id: string; version: number; parent: string | null; kind: string; title: string; switch: string; cell_count: number; country: string | null; except_accounts: string[];
  valid_from: string | null; valid_until: string | null; vendor: string | null; wanted: string | null; emergency: string | null;
  acts: string; via: string | null; next: string | null; next_from: string | null; stands: string;
}
export interface Happened { index: number; kind: string; decided_at: string; effective: string | null; changed: string[]; switch: string | null; by: string | null }
export interface Asked {
  id: string; version: number; area: string; area_version: number; switch: string; changes: Record<string, unknown>; state: string; emergency: boolean; reason: string; evidence: string[];
  asked_by: string; asked_at: string; ends_at: string; proposed_by: string | null; proposed_at: string | null; approved_by: string | null; closed_at: string | null; answer: string;
  include: string[]; effective: string | null;
}
export interface AskedWhole extends Asked { remarks: { by: string; at: string; text: string }[]; approvers: string[]; to_propose: string | null; to_sign: string | null }
export interface Effect {
  area_id: string; switch: string; slot: number; cells: number; cells_changed: number; cells_added: number; cells_removed: number;
  areas: { id: string; relation: string; switch: string; shared: number; changed: number }[];
  terminals_changed: number; cut: number; restored: number; by_account: Record<string, number>; codes: Record<string, number>; neighbours_changed: number; neighbours_spared: number;
  life_critical: { id: string; name: string; account: string; spared: boolean; before: string; after: string }[]; excepted: Record<string, number>;
}
export interface Entry { index: number; kind: string; area_id: string | null; account_id: string | null; by: string | null; decided_at: string; embargo_until: string | null }
export interface EntryWhole extends Entry { fields: Record<string, unknown> }
export interface Claim {
  id: string; version: number; said_by: string; text: string; source: string; said_on: string; status: string; area: string | null; about_entry: number | null;
  recorded_by: string; recorded_at: string; turns: { status: string; by: string; at: string; note: string; source: string }[];
}
export interface Me { id: string; human: string; network: string; kind: string; grants: { role: string; area_id?: string | null; area?: string | null; active?: boolean }[] }
