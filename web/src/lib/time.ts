/** Instants and durations in words, always UTC. */
import { t } from './i18n';

export const clock = (iso: string | number | null): string => (iso === null ? '–' : `${new Date(iso).toISOString().slice(11, 19)}`);
export const day = (iso: string | number): string => new Date(iso).toISOString().slice(0, 10);
/** Before this, an instant says "from the start", not when: slot 0 is of 1980. */
export const OLD = Date.UTC(1990, 0, 1);
export const stamp = (iso: string | number | null): string => (iso === null ? '–' : new Date(iso).getTime() < OLD ? t('time.start') : `${day(iso)} ${clock(iso)}Z`);

export function lasted(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (ms < 60_000) return t('time.seconds', { n: Math.round(ms / 1000) });
  if (minutes < 120) return t('time.minutes', { n: minutes });
  return minutes < 2880 ? t('time.hours', { n: Math.round(minutes / 60) }) : t('time.days', { n: Math.round(minutes / 1440) });
}
