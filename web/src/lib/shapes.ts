/** Short names of what the server answers; the shapes themselves are written from its description (api-types.ts). */
import type { Answer } from './api';
import type { components } from './api-types';

type Schemas = components['schemas'];
export type Network = Schemas['NetworkOut'];
export type CellsTable = Schemas['CellsColumns'];
export type TerminalsTable = Schemas['TerminalsColumns'];
export type SatellitesTable = Schemas['SatellitesColumns'];
export type GatewaysTable = Schemas['GatewaysColumns'];
export type PopsTable = Schemas['PopsColumns'];
export type RulesTable = Schemas['RulesColumns'];
export type FaultsTable = Schemas['FaultsColumns'];
export type Outage = Schemas['OutageOut'];
export type TerminalRow = Answer<'/v1/network/terminals'>['items'][number];
export type Timeline = Schemas['TimelineColumns'];
export type GatewayTimeline = Schemas['GatewayColumns'];
export type Evidence = Schemas['Evidence'];
export type Candidate = Schemas['Candidate'];
export type Gateway = Schemas['GatewayOut'];
export type Pop = Schemas['PopOut'];
export type Satellite = Schemas['SatelliteOut'];
export type OneSatellite = Schemas['OneSatellite'];
export type Pass = Schemas['Pass'];
export type Found = Schemas['FoundOut'];
export type Run = Schemas['RunOut'];
export type Area = Schemas['AreaNow'];
export type Happened = Schemas['Happened'];
export type Asked = Schemas['RequestOut'];
export type AskedWhole = Schemas['RequestWhole'];
export type Decided = Schemas['Decided'];
export type Effect = Schemas['Preview'];
export type Entry = Schemas['EntryOut'];
export type EntryWhole = Schemas['EntryWhole'];
export type Claim = Schemas['ClaimOut'];
export type Me = Schemas['Me'];
export type FleetNow = Schemas['FleetOut'];
export type FleetIncident = Schemas['FleetIncident'];
export type FleetRow = Schemas['FleetTerminal'];
export type FleetOne = Schemas['OneFleetTerminal'];
export type Versions = Schemas['VersionsOut'];
export type Job = Schemas['JobOut'];
export type OneJob = Schemas['OneJob'];
export type NewJob = Schemas['JobIn'];
export type JobPreview = Schemas['PreviewOut'];
export type JobStep = Schemas['StepOut'];
/** As `openleo fleet why --format json` prints it. */
export interface Why {
  terminal: string; state: string; since: string | null; last_seen: string | null; cause: string | null; confidence: number | null; meaning: string | null;
  ranked: { cause: string; probability: number }[]; evidence: string[]; rivals: { cause: string; probability: number; against: string[] }[];
  next: string | null; call: string | null; would_decide: string[];
}
