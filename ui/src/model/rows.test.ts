import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Headline } from '../backend/types';
import { arrive, refresh } from './rows';

const row = (number: number, read = false): Headline => ({
  id: String(number),
  title: `Message ${number}`,
  line: '',
  publisher: 'p',
  priority: 3,
  created_at: new Date(number * 60_000).toISOString(),
  read,
  rich: false,
});
const ids = (rows: readonly Headline[]) => rows.map(({ id }) => Number(id));
const rows = (...numbers: number[]) => numbers.map((number) => row(number));

test('rows above what is shown are new', () => {
  const { fresh, rows: shown, apart } = arrive(rows(3, 2, 1), rows(5, 4, 3, 2), false);
  expect([ids(fresh), ids(shown), apart]).toEqual([[5, 4], [3, 2, 1], false]);
});

test('a page that does not reach down to what is shown stands apart', () => {
  const { rows: shown, apart } = arrive(rows(3, 2, 1), rows(99, 98), false);
  expect([ids(shown), apart]).toEqual([[3, 2, 1], true]);
});

test('the first page of an empty list is all new, and not apart', () => {
  expect(arrive([], rows(2, 1), false)).toMatchObject({ apart: false, rows: [] });
});

test('when nothing is left, unread rows become read ones and all others go', () => {
  const read = arrive(rows(2, 1), [], true);
  expect([ids(read.rows), read.rows.every((row) => row.read), read.apart]).toEqual([
    [2, 1],
    true,
    false,
  ]);
  expect(arrive(rows(2, 1), [], false)).toEqual({ fresh: [], rows: [], apart: false });
});

test('a withdrawn row leaves, a read one changes', () => {
  const shown = refresh(rows(5, 4, 3, 2, 1), [row(4, true), row(2)], 1, false);
  expect(ids(shown)).toEqual([5, 4, 2, 1]);
  expect(shown[1]?.read).toBe(true);
});

test('among unread ones, a row that is missing was read and stays in its place', () => {
  const shown = refresh(rows(3, 2, 1), rows(3, 1), 0, true);
  expect(shown.map(({ id, read }) => [id, read])).toEqual([
    ['3', false],
    ['2', true],
    ['1', false],
  ]);
});

test('an answer that fits nothing changes nothing', () => {
  expect(ids(refresh(rows(3, 2, 1), rows(9, 8), 0, false))).toEqual([3, 2, 1]);
  expect(ids(refresh(rows(3, 2, 1), [], 1, false))).toEqual([3, 2, 1]);
});

test('whatever arrives and is withdrawn, a refreshed list is a prefix of the history', () => {
  const worlds = fc.record({
    known: fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1 }),
    added: fc.uniqueArray(fc.integer({ min: 61, max: 99 })),
    removed: fc.array(fc.integer({ min: 0, max: 60 })),
  });
  fc.assert(
    fc.property(worlds, ({ known, added, removed }) => {
      const down = (a: number, b: number) => b - a;
      const shown = known.toSorted(down);
      const history = [...added, ...known].filter((n) => !removed.includes(n)).toSorted(down);
      const page = history.slice(0, 50);
      const arrival = arrive(rows(...shown), rows(...page), false);
      if (arrival.apart) return;
      const drawn = ids([...arrival.fresh, ...arrival.rows]);
      const oldest = page.at(-1) ?? 0;
      expect(drawn.filter((n) => n >= oldest)).toEqual(page);
    }),
  );
});
