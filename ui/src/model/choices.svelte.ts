import type { Answer, Query, Settings } from '../backend/types';

/** Changes within this time are saved together. */
const SAVE_AFTER_MS = 300;

/** Some of them; `undefined` takes one away. */
export type Change = { [Name in keyof Settings]?: Settings[Name] | undefined };

/**
 * What the person chose, kept on the server. A change is shown at once, saved at once, and stays
 * here until it is saved, whatever happens in between.
 */
export class Choices {
  /** As the person wants them; `null` until the server told. */
  wanted = $state.raw<Settings | null>(null);
  /** `differ`: another device changed the same choice meanwhile. */
  state = $state<'loading' | 'failed' | 'calm' | 'saving' | 'saved' | 'unsaved' | 'differ'>(
    'loading',
  );
  /** Why it failed or is unsaved, for people. */
  detail = $state('');

  /** As the server told. */
  #kept: Settings | null = null;
  /** What another device chose meanwhile. */
  #theirs: Settings | null = null;
  #ask: (query: Query) => Promise<Answer>;
  #due: ReturnType<typeof setTimeout> | undefined;
  #busy = false;
  /** What is being saved. */
  #saving = Promise.resolve();
  /** Counts what was asked. */
  #turn = 0;
  /** What was asked before this turn is answered too late. */
  #since = 0;
  /** The server is to be asked again. */
  #again = false;

  constructor(ask: (query: Query) => Promise<Answer>) {
    this.#ask = ask;
  }

  /** Asks the server, unless something is still to be saved: then that is tried again. */
  async refresh(): Promise<void> {
    if (this.#busy || this.state === 'differ') {
      this.#again = true;
      return;
    }
    if (this.#changed()) return this.save();
    this.#again = false;
    const turn = ++this.#turn;
    const answer = await this.#asked({ type: 'settings' });
    if (turn < this.#since) return;
    // The person may have changed something meanwhile, which goes on from what they saw.
    if (this.#changed()) {
      this.#again = true;
      return;
    }
    if (answer.type === 'settings') {
      this.#since = turn;
      this.#kept = this.wanted = answer.settings;
      if (this.state !== 'saved') this.state = 'calm';
    } else if (!this.wanted) {
      this.state = 'failed';
      this.detail = detail(answer);
    }
  }

  /** Changes some of them. */
  change(some: Change): void {
    if (!this.wanted) return;
    this.wanted = plain({ ...this.wanted, ...some });
    if (this.state === 'differ') return;
    clearTimeout(this.#due);
    this.#due = setTimeout(() => void this.save(), SAVE_AFTER_MS);
  }

  /** Saves what is not saved; done when everything is, or cannot be. */
  save(): Promise<void> {
    clearTimeout(this.#due);
    // What was changed meanwhile is saved after it.
    if (!this.#busy) this.#saving = this.#save();
    return this.#saving;
  }

  async #save(): Promise<void> {
    const [was, to] = [this.#kept, this.wanted];
    if (!was || !to || this.state === 'differ') return;
    if (!this.#changed()) {
      // Changed and changed back.
      if (this.state === 'unsaved') this.state = 'calm';
      if (this.#again) await this.refresh();
      return;
    }
    this.#busy = true;
    this.#again = false;
    this.#since = ++this.#turn;
    this.state = 'saving';
    const answer = await this.#asked({ type: 'keep_settings', was, to });
    this.#busy = false;
    if (answer.type === 'settings') {
      this.wanted = rebased(to, this.wanted ?? to, answer.settings);
      this.#kept = answer.settings;
      if (this.#changed()) return this.save();
      this.state = 'saved';
    } else if (answer.type === 'settings_differ') {
      this.#theirs = answer.settings;
      this.state = 'differ';
      return;
    } else {
      this.state = 'unsaved';
      this.detail = detail(answer);
    }
    if (this.#again) await this.refresh();
  }

  /** Settles a difference: what was changed here, or what was changed there. */
  settle(mine: boolean): void {
    const theirs = this.#theirs;
    if (!theirs || !this.#kept || !this.wanted) return;
    this.wanted = mine ? rebased(this.#kept, this.wanted, theirs) : theirs;
    this.#kept = theirs;
    this.#theirs = null;
    this.state = 'calm';
    void this.save();
  }

  #changed(): boolean {
    return !same(this.#kept, this.wanted);
  }

  #asked(query: Query): Promise<Answer> {
    return this.#ask(query).catch((error: unknown) => ({ type: 'failed', detail: String(error) }));
  }
}

/** `onto`, with what `to` changed of `was`, down to the single publisher. */
export function rebased(was: Settings, to: Settings, onto: Settings): Settings {
  return plain(merged({ ...was }, { ...to }, { ...onto }));
}

type Fields = Record<string, unknown>;

function merged(was: Fields, to: Fields, onto: Fields): Fields {
  const result = { ...onto };
  for (const name of Object.keys({ ...was, ...to })) {
    const [before, wanted, now] = [was[name], to[name], onto[name]];
    if (same(before, wanted)) continue;
    result[name] =
      holdsFields(wanted) && holdsFields(now)
        ? merged(holdsFields(before) ? before : {}, wanted, now)
        : wanted;
  }
  return result;
}

const holdsFields = (value: unknown): value is Fields =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** As it goes over the wire: without what is `undefined`. */
const plain = (settings: object) => JSON.parse(JSON.stringify(settings)) as Settings;

/** Whether both mean the same to the server: absent and `undefined` do. */
const same = (one: unknown, other: unknown) => canonical(one) === canonical(other);

const canonical = (value: unknown) =>
  JSON.stringify(value, (_, inner: unknown) =>
    holdsFields(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

const detail = (answer: Answer) =>
  answer.type === 'failed' ? answer.detail.replace(/[.。]$/, '') : '';
