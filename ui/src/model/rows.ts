import type { Headline } from '../backend/types';

/** How a page with the newest rows joins the rows that are shown. */
export interface Arrival {
  /** Rows above what is shown, newest first. */
  fresh: Headline[];
  /** What is shown, brought up to date as far as the page reaches. */
  rows: Headline[];
  /** The page does not reach down to what is shown: there are more new rows than it holds. */
  apart: boolean;
}

/** Splits a page that begins at the newest row into what is new and what is known. */
export function arrive(
  shown: readonly Headline[],
  page: readonly Headline[],
  keep: boolean,
): Arrival {
  if (page.length === 0) {
    // Nothing is left of what was asked for: it was read, or it is gone.
    return {
      fresh: [],
      rows: keep ? shown.map((row) => ({ ...row, read: true })) : [],
      apart: false,
    };
  }
  const known = new Set(shown.map((row) => row.id));
  const meet = page.findIndex((row) => known.has(row.id));
  if (meet === -1) {
    return { fresh: [...page], rows: [...shown], apart: shown.length > 0 };
  }
  return {
    fresh: page.slice(0, meet),
    rows: refresh(shown, page.slice(meet), 0, keep),
    apart: false,
  };
}

/**
 * Brings the rows from index `from` up to date with a page of the history that begins there.
 * Rows the page skips are gone; with `keep` (only unread ones are asked for) they are read.
 * Rows that are not shown yet are left out: nothing moves down.
 */
export function refresh(
  shown: readonly Headline[],
  page: readonly Headline[],
  from: number,
  keep: boolean,
): Headline[] {
  const news = new Map(page.map((row) => [row.id, row]));
  const end = shown.findLastIndex((row) => news.has(row.id)) + 1;
  const update = (row: Headline) => news.get(row.id) ?? (keep ? { ...row, read: true } : undefined);
  return [
    ...shown.slice(0, from),
    ...shown.slice(from, end).flatMap((row) => update(row) ?? []),
    ...shown.slice(Math.max(from, end)),
  ];
}
