// Written by docs/write_stream.py from src/openleo/snapshot/stream.py.
export const VERSION = 1;
export const SUMMARY = ['terminals', 'online', 'enabled', 'cells', 'cells_served', 'satellites', 'antennas', 'units', 'handovers', 'rtt_p10_us', 'rtt_p50_us', 'rtt_p90_us', 'rate_p20_kbps', 'rate_p50_kbps', 'rate_p80_kbps'] as const;
export const PARTS = {
  summary: { number: 1, columns: ['', 'values'] },
  causes: { number: 2, columns: ['', 'cause', 'terminals'] },
  cells: { number: 3, columns: ['row', 'cause', 'reason', 'fault', 'asking', 'satellite', 'gateway', 'units'] },
  measures: { number: 4, columns: ['row', 'rtt_us', 'rate_kbps'] },
  dark: { number: 5, columns: ['gone', 'terminal', 'cause', 'rule', 'fault', 'seconds'] },
  satellites: { number: 6, columns: ['row', 'cells', 'gateway'] },
  gateways: { number: 7, columns: ['', 'antennas'] },
  movers: { number: 8, columns: ['gone', 'terminal', 'cell', 'latitude_deg', 'longitude_deg', 'speed_m_s'] },
} as const;
