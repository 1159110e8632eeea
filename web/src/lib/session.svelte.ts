/** Who is logged in, what they may do, and the key they sign with (memory only). */
import { authorise, get, login as post, Problem } from './api';
import { live } from './live.svelte';
import type { Me } from './shapes';
import { readCredential, sign as signWith, type Credential } from './sign';

const KEY = 'openleo.token';

class Session {
  me = $state.raw<Me | null>(null);
  credential = $state.raw<Credential | null>(null);

  roles = $derived(new Set((this.me?.grants ?? []).filter((one) => one.active !== false).map((one) => one.role)));
  canSign = $derived(this.credential !== null && this.credential.person === this.me?.id);

  may(...roles: string[]): boolean { return this.roles.has('owner') || roles.some((role) => this.roles.has(role)); }

  /** Takes up the token of this tab, if there is one. */
  begin(): void {
    authorise(sessionStorage.getItem(KEY), () => this.end());
  }

  async login(name: string, password: string): Promise<void> {
    await this.enter((await post(name, password)).token);
  }

  /** Logs in with a credential file; its seed can then sign. */
  async loginWith(file: string): Promise<boolean> {
    const found = readCredential(file);
    if (!found) return false;
    await this.enter(found.token);
    this.credential = found;
    return true;
  }

  /** Loads the key of who is logged in; false where the file is somebody else's or none. */
  loadKey(file: string): boolean {
    const found = readCredential(file);
    if (!found || found.person !== this.me?.id) return false;
    this.credential = found;
    return true;
  }

  private async enter(token: string): Promise<void> {
    authorise(token);
    try {
      this.me = await get('/v1/me');
    } catch (error) {
      authorise(null);
      throw error;
    }
    sessionStorage.setItem(KEY, token);
    if (live.phase !== 'ready') await live.start();
  }

  async read(): Promise<void> {
    try {
      this.me = await get('/v1/me');
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
  }

  end(): void {
    sessionStorage.removeItem(KEY);
    authorise(null);
    this.me = null;
    this.credential = null;
    live.phase = 'login';
  }

  sign(verb: string, text: string): Promise<string> {
    return signWith(this.credential!.seed, `${verb}\n${text}`);
  }
}

export const session = new Session();
