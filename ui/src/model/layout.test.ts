import { expect, test } from 'vitest';
import type { Headline } from '../backend/types';
import { DAY_HEIGHT, layout, ROW_HEIGHT, within } from './layout';

const row = (id: number, created_at: string): Headline => ({
  id: String(id),
  title: '',
  line: '',
  publisher: '',
  priority: 3,
  created_at,
  read: true,
  rich: false,
});

test('days head their rows', () => {
  const placed = layout([
    row(3, '2026-11-22T12:00:00'),
    row(2, '2026-11-22T11:00:00'),
    row(1, '2026-11-20T12:00:00'),
  ]);
  expect(placed.entries.map(({ kind }) => kind)).toEqual(['day', 'row', 'row', 'day', 'row']);
  expect(placed.height).toBe(2 * DAY_HEIGHT + 3 * ROW_HEIGHT);
  expect(placed.tops).toEqual([
    DAY_HEIGHT,
    DAY_HEIGHT + ROW_HEIGHT,
    2 * DAY_HEIGHT + 2 * ROW_HEIGHT,
  ]);
});

test('an empty list has no height', () => {
  expect(layout([])).toEqual({ entries: [], height: 0, tops: [] });
  expect(within(layout([]), 0, 500)).toEqual([]);
});

test('what is drawn is exactly what is in sight', () => {
  const rows = Array.from({ length: 1000 }, (_, index) =>
    row(1000 - index, new Date(2e12 - index * 7e6).toISOString()),
  );
  const placed = layout(rows);
  const heightOf = (kind: string) => (kind === 'day' ? DAY_HEIGHT : ROW_HEIGHT);
  for (const from of [-300, 0, 31, 32, 5000, 33_333, placed.height - 10, placed.height + 500]) {
    const expected = placed.entries.filter(
      (entry) => entry.top < from + 600 && entry.top + heightOf(entry.kind) > from,
    );
    const drawn = within(placed, from, from + 600);
    expect(drawn).toEqual(expect.arrayContaining(expected));
    expect(drawn.length).toBeLessThanOrEqual(expected.length + 1);
  }
});
