import { beforeEach, expect, test } from 'vitest';
import type { Answer, Headline, Query } from '../backend/types';
import { History, type Sight } from './history.svelte';

let stored: Headline[];
let asked: number;
let broken: boolean;

const row = (number: number, read = false): Headline => ({
  id: String(number).padStart(6, '0'),
  title: '',
  line: '',
  publisher: '',
  priority: 3,
  created_at: '2026-11-22T12:00:00Z',
  read,
  rich: false,
});

async function ask(query: Query): Promise<Answer> {
  asked += 1;
  if (broken) throw new Error('the disk is on fire');
  if (query.type !== 'page') throw new Error('only pages here');
  const { before, unread_only, limit } = query;
  const rows = stored.filter(
    (row) => (before === null || row.id < before) && !(unread_only && row.read),
  );
  return { type: 'page', rows: rows.slice(0, limit), more: rows.length > limit };
}

const top: Sight = { first: 0, end: 10, free: true };
const busy: Sight = { first: 0, end: 10, free: false };
const ids = (history: History) => history.rows.map(({ id }) => Number(id));

beforeEach(() => {
  stored = Array.from({ length: 180 }, (_, index) => row(180 - index));
  asked = 0;
  broken = false;
});

async function opened(unreadOnly = false) {
  const history = new History(ask);
  await history.open(unreadOnly);
  return history;
}

test('pages follow each other without holes, to the end', async () => {
  const history = await opened();
  await Promise.all([history.older(), history.older(), history.older(), history.older()]);
  expect(ids(history)).toEqual(stored.map(({ id }) => Number(id)));
  expect(history.more).toBe(false);
});

test('new rows appear at once where nobody is, and wait where somebody is', async () => {
  const history = await opened();
  stored = [row(182), row(181), ...stored];
  await history.refresh(() => busy);
  expect([history.waiting, ids(history)[0]]).toEqual([2, 180]);
  await history.refresh(() => top);
  expect([history.waiting, ids(history)[0]]).toEqual([0, 182]);
});

test('more new rows than a page say so, and are reached by beginning again', async () => {
  const history = await opened();
  stored = [...Array.from({ length: 200 }, (_, index) => row(380 - index)), ...stored];
  await history.refresh(() => top);
  expect([history.waitingMany, ids(history)[0]]).toEqual([true, 180]);
  await history.open();
  expect([history.waitingMany, ids(history)[0]]).toEqual([false, 380]);
});

test('rows far down are brought up to date where they are seen', async () => {
  const history = await opened();
  await Promise.all([history.older(), history.older()]);
  stored = stored.map((each) => (each.id === '000060' ? { ...each, read: true } : each));
  stored = stored.filter(({ id }) => id !== '000058');
  await history.refresh(() => ({ first: 115, end: 125, free: false }));
  expect(history.rows.find(({ id }) => id === '000060')?.read).toBe(true);
  expect(ids(history)).not.toContain(58);
});

test('a withdrawn newest row leaves', async () => {
  const history = await opened();
  stored = stored.slice(1);
  await history.refresh(() => busy);
  expect([ids(history)[0], history.waiting]).toEqual([179, 0]);
});

test('with the filter on, what was just read stays in its place until the list is opened again', async () => {
  const history = await opened(true);
  stored = stored.map((each) => (each.id === '000179' ? { ...each, read: true } : each));
  await history.refresh(() => busy);
  expect(history.rows[1]).toMatchObject({ id: '000179', read: true });
  await history.open();
  expect(ids(history)).not.toContain(179);
});

test('a burst of changes costs one refresh', async () => {
  const history = await opened();
  asked = 0;
  await Promise.all(Array.from({ length: 400 }, () => history.refresh(() => busy)));
  expect(asked).toBeLessThanOrEqual(2);
});

test('what cannot be read is said, and mends', async () => {
  broken = true;
  const history = await opened();
  expect([history.failure, history.loading]).toEqual(['the disk is on fire', false]);
  broken = false;
  await history.open();
  expect([history.failure, history.rows.length]).toEqual([null, 50]);
});
