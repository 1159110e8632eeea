/** What narrows the fleet's table, and how shares of it read. */
import { t } from './i18n';

/** A value in a condition, quoted where it has to be. */
export const quoted = (value: string): string => (/^[\w.:-]+$/.test(value) ? value : `"${value.replace(/"/g, '')}"`);

/** The condition that the table is narrowed by: how terminals stand, and what else was asked. */
export const narrowed = (only: string | null, where: string | null): string => (only && where ? `${only} and (${where})` : only ?? where ?? '');

export const percent = (share: number | null | undefined): string => (share === null || share === undefined ? '–' : share > 0 && share < 0.005 ? t('fleet.under', { p: '1 %' }) : `${Math.round(share * 100)} %`);
/** How sure something is: nothing is ever wholly so. */
export const sureness = (share: number): string => (share >= 0.995 ? t('fleet.over', { p: '99 %' }) : percent(share));
