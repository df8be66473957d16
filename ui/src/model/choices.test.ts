import { beforeEach, expect, test, vi } from 'vitest';
import type { Answer, Query, Settings } from '../backend/types';
import { CHOSEN } from '../backend/samples';
import { Choices } from './choices.svelte';

const chosen: Settings = CHOSEN.none;
let asked: Query[];
let answers: (Answer | Promise<Answer>)[];
let choices: Choices;

const kept = (some: Partial<Settings>): Answer => ({
  type: 'settings',
  settings: { ...chosen, ...some },
});
const failed: Answer = { type: 'failed', detail: 'The server does not answer.' };

beforeEach(async () => {
  vi.useFakeTimers();
  asked = [];
  answers = [kept({})];
  choices = new Choices((query) => {
    asked.push(query);
    return Promise.resolve(answers.shift() ?? failed);
  });
  await choices.refresh();
});

test('a change is there at once, and saved once for several in a row', async () => {
  answers = [kept({ idle_after_ms: 60_000, when_away: 'hold' })];
  choices.change({ idle_after_ms: 90_000 });
  choices.change({ idle_after_ms: 60_000 });
  choices.change({ when_away: 'hold' });
  expect(choices.wanted?.idle_after_ms).toBe(60_000);
  await vi.runAllTimersAsync();
  expect(asked.slice(1)).toEqual([
    {
      type: 'keep_settings',
      was: chosen,
      to: { ...chosen, idle_after_ms: 60_000, when_away: 'hold' },
    },
  ]);
  expect(choices.state).toBe('saved');
});

test('what is changed while it is being saved is saved next', async () => {
  let answer: (said: Answer) => void = () => undefined;
  answers = [
    new Promise((done) => (answer = done)),
    kept({ idle_after_ms: 60_000, read_receipts: true }),
  ];
  choices.change({ idle_after_ms: 60_000 });
  await vi.runAllTimersAsync();
  choices.change({ read_receipts: true });
  await vi.runAllTimersAsync();
  expect(asked).toHaveLength(2);
  answer(kept({ idle_after_ms: 60_000 }));
  await vi.runAllTimersAsync();
  expect(asked.at(-1)).toMatchObject({
    was: { idle_after_ms: 60_000, read_receipts: false },
    to: { idle_after_ms: 60_000, read_receipts: true },
  });
  expect(choices.state).toBe('saved');
});

test('offline nothing is lost, and it is saved when it is tried again', async () => {
  answers = [failed, failed];
  choices.change({ idle_after_ms: 60_000 });
  await vi.runAllTimersAsync();
  expect(choices.state).toBe('unsaved');
  expect(choices.detail).toBe('The server does not answer');
  choices.change({ when_away: 'hold' });
  await vi.runAllTimersAsync();
  answers = [kept({ idle_after_ms: 60_000, when_away: 'hold' })];
  await choices.refresh();
  expect(asked.at(-1)).toMatchObject({
    was: chosen,
    to: { idle_after_ms: 60_000, when_away: 'hold' },
  });
  expect(choices.state).toBe('saved');
});

test('a change on another device appears, and a difference is the persons to settle', async () => {
  answers = [kept({ when_away: 'hold' })];
  await choices.refresh();
  expect(choices.wanted?.when_away).toBe('hold');

  const theirs = { idle_after_ms: 30_000, when_away: 'phone' as const };
  for (const mine of [true, false]) {
    answers = [{ type: 'settings_differ', settings: { ...chosen, ...theirs } }];
    choices.change({ idle_after_ms: mine ? 60_000 : 90_000 });
    await vi.runAllTimersAsync();
    expect(choices.state).toBe('differ');
    answers = [kept({ ...theirs, idle_after_ms: 60_000 })];
    choices.settle(mine);
    await vi.runAllTimersAsync();
    expect(choices.wanted).toEqual({ ...chosen, ...theirs, idle_after_ms: mine ? 60_000 : 30_000 });
  }
});

test('what cannot be fetched is said, and asked for again', async () => {
  choices = new Choices(() => Promise.reject(new Error('no companion')));
  await choices.refresh();
  expect(choices.state).toBe('failed');
  expect(choices.detail).toContain('no companion');
});
