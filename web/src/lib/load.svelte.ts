/** Something that is read from the server and kept fresh, with its states: loading, here, failed. */
import { untrack } from 'svelte';
import { Problem } from './api';

export class Loaded<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  loading = $state(true);
  private turn = 0;

  /** Reads again; of two readings the later one counts. */
  async read(load: () => Promise<T>): Promise<void> {
    const turn = ++this.turn;
    this.loading = true;
    try {
      const value = await load();
      if (turn !== this.turn) return;
      this.value = value;
      this.problem = null;
    } catch (error) {
      if (turn !== this.turn) return;
      this.problem = error instanceof Problem ? error : new Problem(0, 'unknown', String(error), '');
    }
    this.loading = false;
  }
}

/** Reads now and whenever what `load` depends on changes. `forget`: when this changes, what was there is dropped at once. */
export function loaded<T>(load: () => (() => Promise<T>) | null, forget: () => unknown = () => null): Loaded<T> {
  const held = new Loaded<T>();
  let known: unknown;
  $effect(() => {
    const work = load(), key = forget();
    untrack(() => {
      if (key !== known) { held.value = null; known = key; }
      if (work) void held.read(work); else held.loading = false;
    });
  });
  return held;
}
