import type { Headline } from '../backend/types';

/** Heights in CSS pixels; `components/MessageList.svelte` draws by them. */
export const ROW_HEIGHT = 56;
export const DAY_HEIGHT = 32;

export type Entry =
  | { kind: 'day'; key: string; top: number; moment: Date }
  | { kind: 'row'; key: string; top: number; index: number };

export interface Layout {
  entries: Entry[];
  height: number;
  /** Where each row begins, by its index. */
  tops: number[];
}

/** Places rows and the days between them, top down. */
export function layout(rows: readonly Headline[]): Layout {
  const entries: Entry[] = [];
  const tops: number[] = [];
  let top = 0;
  let day = '';
  rows.forEach((row, index) => {
    const moment = new Date(row.created_at);
    const its = moment.toDateString();
    if (its !== day) {
      day = its;
      entries.push({ kind: 'day', key: `day ${index} ${its}`, top, moment });
      top += DAY_HEIGHT;
    }
    entries.push({ kind: 'row', key: row.id, top, index });
    tops.push(top);
    top += ROW_HEIGHT;
  });
  return { entries, height: top, tops };
}

/** The entries that touch `[from, to)`. */
export function within({ entries }: Layout, from: number, to: number): Entry[] {
  const first = Math.max(0, firstBelow(entries, from) - 1);
  return entries.slice(first, firstBelow(entries, to - 1));
}

/** Index of the first entry that begins below `y`. */
function firstBelow(entries: readonly Entry[], y: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.top ?? Infinity) > y) high = middle;
    else low = middle + 1;
  }
  return low;
}
