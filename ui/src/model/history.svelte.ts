import type { Answer, Headline, Query } from '../backend/types';
import { arrive, refresh } from './rows';

const PAGE = 50;
const MAX_PAGE = 200;

/** What is on screen, and whether rows may move under the person's eyes. */
export interface Sight {
  /** Index of the first visible row. */
  first: number;
  /** Index after the last visible row. */
  end: number;
  /** The list is at its top and nobody points at it or moves through it. */
  free: boolean;
}

/**
 * The rows of the list: pages of the history, fetched as they are wanted. One question is asked at
 * a time, so an answer always fits the rows it was asked for.
 */
export class History {
  rows = $state.raw<Headline[]>([]);
  /** Older rows exist. */
  more = $state(false);
  /** New rows above, not shown because that would move what is being read. */
  waiting = $state(0);
  /** There are more of them than `waiting` says. */
  waitingMany = $state(false);
  unreadOnly = $state(false);
  loading = $state(true);
  failure = $state<string | null>(null);

  #ask: (query: Query) => Promise<Answer>;
  #turn: Promise<void> = Promise.resolve();
  #refreshing = false;

  constructor(ask: (query: Query) => Promise<Answer>) {
    this.#ask = ask;
  }

  /** Begins again at the newest row. */
  open(unreadOnly = this.unreadOnly): Promise<void> {
    this.unreadOnly = unreadOnly;
    this.loading = true;
    return this.#next(async () => {
      const page = await this.#page(null, PAGE);
      this.loading = false;
      if (page) this.#start(page);
    });
  }

  /** Adds older rows at the end. */
  older(): Promise<void> {
    return this.#next(async () => {
      const last = this.rows.at(-1);
      if (!last || !this.more) return;
      const page = await this.#page(last.id, PAGE);
      if (!page) return;
      this.rows = [...this.rows, ...page.rows];
      this.more = page.more;
    });
  }

  /** Brings what is on screen up to date. Calls that come while one waits are one. */
  refresh(sight: () => Sight): Promise<void> {
    if (this.#refreshing) return this.#turn;
    this.#refreshing = true;
    return this.#next(async () => {
      this.#refreshing = false;
      const head = await this.#page(null, PAGE);
      if (!head) return;
      if (this.rows.length === 0) {
        this.#start(head);
        return;
      }
      this.#arrive(head.rows, sight());
      await this.#refreshSeen(sight());
    });
  }

  /** Applies what is known of one message without asking. */
  markRead(id: string): void {
    this.rows = this.rows.map((row) => (row.id === id && !row.read ? { ...row, read: true } : row));
  }

  #start(page: { rows: Headline[]; more: boolean }) {
    this.rows = page.rows;
    this.more = page.more;
    this.waiting = 0;
    this.waitingMany = false;
  }

  #arrive(page: Headline[], sight: Sight) {
    const { fresh, rows, apart } = arrive(this.rows, page, this.unreadOnly);
    const show = sight.free && !apart;
    this.rows = show ? [...fresh, ...rows] : rows;
    this.waiting = show ? 0 : fresh.length;
    this.waitingMany = apart;
  }

  async #refreshSeen({ first, end }: Sight) {
    // The head covers the first rows; before it, nothing is above to ask from.
    const above = this.rows[first - 1];
    const count = Math.min(end - first, MAX_PAGE);
    if (!above || count <= 0 || end <= PAGE) return;
    const page = await this.#page(above.id, count);
    if (page) this.rows = refresh(this.rows, page.rows, first, this.unreadOnly);
  }

  async #page(before: string | null, limit: number) {
    const query: Query = { type: 'page', before, unread_only: this.unreadOnly, limit };
    const answer = await this.#ask(query).catch((error: unknown) => failed(error));
    if (answer.type === 'page') {
      this.failure = null;
      return answer;
    }
    this.failure = answer.type === 'failed' ? answer.detail : null;
    return null;
  }

  #next(job: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(job);
    return this.#turn;
  }
}

function failed(error: unknown): Answer {
  return { type: 'failed', detail: error instanceof Error ? error.message : String(error) };
}
