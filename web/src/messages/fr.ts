import type { Message } from '../lib/i18n';
import type { Key } from './en';

/** French: begun, not done. What is missing is shown in English. */
export const fr: Partial<Record<Key, Message>> = {};
