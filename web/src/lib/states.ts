/** What a cause means to an operator: which of four states it is, and how that state looks. */

export const IDLE = 255;
export const DISABLED = 100;

/** `outage`: sky, radio or ground failed. `policy`: somebody decided. `own`: the terminal itself. `idle`: nobody asks. */
export type State = 'online' | 'outage' | 'policy' | 'own' | 'idle';
export const STATES: readonly State[] = ['online', 'outage', 'policy', 'own', 'idle'];
/** Those that a terminal can be in. */
export const TERMINAL_STATES: readonly State[] = ['online', 'outage', 'policy', 'own'];

export function stateNumber(cause: number): number {
  if (cause === 0) return 0;
  if (cause === IDLE) return 4;
  if (cause >= DISABLED) return 2;
  return cause >= 20 ? 3 : 1;
}

export const stateOf = (cause: number): State => STATES[stateNumber(cause)];

/** Per byte of cause, the number of its state. */
export const STATE_OF_CAUSE = Uint8Array.from({ length: 256 }, (_, cause) => stateNumber(cause));

const NAMES: Record<number, string> = {
  0: 'ONLINE', 1: 'NO_SATS', 2: 'OBSTRUCTED', 3: 'POP_DOWN', 4: 'NO_GATEWAY', 5: 'CORE_DOWN', 6: 'NO_ANTENNA', 7: 'NO_BEAM',
  8: 'NO_CHANNEL', 20: 'POWER_OFF', 21: 'BOOTING', 22: 'STOWED', 23: 'SLEEPING', 102: 'NO_ACTIVE_ACCOUNT', 103: 'TOO_FAR_FROM_SERVICE_ADDRESS',
  104: 'IN_OCEAN', 106: 'BLOCKED_COUNTRY', 107: 'DATA_OVERAGE_SANDBOX_POLICY', 108: 'CELL_IS_DISABLED', 110: 'ROAM_RESTRICTED',
  111: 'UNKNOWN_LOCATION', 112: 'ACCOUNT_DISABLED', 113: 'UNSUPPORTED_VERSION', 114: 'MOVING_TOO_FAST_FOR_POLICY',
  115: 'UNDER_AVIATION_FLYOVER_LIMITS', 116: 'BLOCKED_AREA', 255: 'IDLE',
};
export const CAUSES: readonly number[] = Object.keys(NAMES).map(Number);
export const causeName = (cause: number): string => NAMES[cause] ?? `CAUSE_${cause}`;
export const causeNumber = (name: string): number => CAUSES.find((cause) => NAMES[cause] === name) ?? IDLE;

/** `#rrggbb` to four numbers of 0..1. */
export function rgba(hex: string, alpha = 1): [number, number, number, number] {
  const value = Number.parseInt(hex.trim().slice(1), 16);
  return [(value >> 16 & 255) / 255, (value >> 8 & 255) / 255, (value & 255) / 255, alpha];
}

/** The colour of a variable of the present theme. */
export const cssColour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
