import { beforeEach, expect, test, vi } from 'vitest';
import type { Answer, Query, Settings } from '../backend/types';
import { CHOSEN } from '../backend/samples';
import { Choices, rebased } from './choices.svelte';

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

test('saving is over when what was changed meanwhile is saved, too', async () => {
  let answer: (said: Answer) => void = () => undefined;
  answers = [
    new Promise((done) => (answer = done)),
    kept({ idle_after_ms: 60_000, read_receipts: true }),
  ];
  choices.change({ idle_after_ms: 60_000 });
  void choices.save();
  choices.change({ read_receipts: true });
  let over = false;
  const saving = choices.save().then(() => (over = true));
  await Promise.resolve();
  expect(over).toBe(false);
  answer(kept({ idle_after_ms: 60_000 }));
  await saving;
  expect(asked.at(-1)).toMatchObject({ to: { idle_after_ms: 60_000, read_receipts: true } });
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

test('two devices that change different publishers keep both changes', async () => {
  const quiet = { loudest: 2 as const, phone_too: false };
  const loud = { loudest: 5 as const, phone_too: true };
  const cases: Settings['publishers'][][] = [
    [undefined, { a: quiet }, { b: loud }, { a: quiet, b: loud }],
    [{ a: loud, b: loud }, { b: loud }, { a: loud, b: quiet }, { b: quiet }],
    [{ a: loud }, { a: quiet }, {}, { a: quiet }],
    [{ a: loud }, {}, { a: quiet, b: loud }, { b: loud }],
    [
      { a: loud },
      { a: { ...loud, loudest: 3 } },
      { a: { ...loud, phone_too: false } },
      { a: { loudest: 3, phone_too: false } },
    ],
  ];
  for (const one of cases) {
    const [was, mine, theirs, both] = one.map((publishers) =>
      publishers ? { ...chosen, publishers } : chosen,
    );
    expect(rebased(was ?? chosen, mine ?? chosen, theirs ?? chosen)).toEqual(both);
  }

  const priorities = (some: Partial<Settings['priorities']>) => ({
    priorities: { ...chosen.priorities, ...some },
  });
  answers = [
    { type: 'settings_differ', settings: { ...chosen, ...priorities({ low: 'one_screen' }) } },
    kept(priorities({ low: 'one_screen', high: 'phone_too' })),
  ];
  choices.change(priorities({ high: 'phone_too' }));
  await vi.runAllTimersAsync();
  choices.settle(true);
  expect(asked.at(-1)).toMatchObject({
    to: priorities({ low: 'one_screen', high: 'phone_too' }),
  });
});

test('do not disturb until another moment is one choice', () => {
  const until = (moment: string): Settings => ({ ...chosen, do_not_disturb: { until: moment } });
  expect(rebased(chosen, until('2026-01-01T00:00:00Z'), until('2027-01-01T00:00:00Z'))).toEqual(
    until('2026-01-01T00:00:00Z'),
  );
});

test('an answer that was asked for before something was saved is ignored', async () => {
  let old: (said: Answer) => void = () => undefined;
  answers = [new Promise((done) => (old = done)), kept({ idle_after_ms: 60_000 })];
  const refreshed = choices.refresh();
  choices.change({ idle_after_ms: 60_000 });
  await choices.save();
  old(kept({}));
  await refreshed;
  expect(choices.wanted?.idle_after_ms).toBe(60_000);
  expect(choices.state).toBe('saved');
});

test('of two answers the one that was asked for last counts', async () => {
  let old: (said: Answer) => void = () => undefined;
  answers = [new Promise((done) => (old = done)), kept({ when_away: 'hold' })];
  const first = choices.refresh();
  await choices.refresh();
  old(kept({}));
  await first;
  expect(choices.wanted?.when_away).toBe('hold');
});

test('a change on another device while one is being saved is asked for afterwards', async () => {
  let answer: (said: Answer) => void = () => undefined;
  const both = { idle_after_ms: 60_000, when_away: 'hold' as const };
  answers = [new Promise((done) => (answer = done)), kept(both)];
  choices.change({ idle_after_ms: 60_000 });
  const saving = choices.save();
  await choices.refresh();
  expect(asked).toHaveLength(2);
  answer(kept({ idle_after_ms: 60_000 }));
  await saving;
  expect(asked.slice(2)).toEqual([{ type: 'settings' }]);
  expect(choices.wanted).toEqual({ ...chosen, ...both });
  expect(choices.state).toBe('saved');
});

test('what was missed over a change that was taken back is asked for again', async () => {
  let old: (said: Answer) => void = () => undefined;
  answers = [new Promise((done) => (old = done)), kept({ when_away: 'hold' })];
  const refreshed = choices.refresh();
  choices.change({ idle_after_ms: 60_000 });
  old(kept({ when_away: 'hold' }));
  await refreshed;
  choices.change({ idle_after_ms: chosen.idle_after_ms });
  await vi.runAllTimersAsync();
  expect(asked.slice(1)).toEqual([{ type: 'settings' }, { type: 'settings' }]);
  expect(choices.wanted?.when_away).toBe('hold');
});

test('what cannot be fetched is said, and asked for again', async () => {
  choices = new Choices(() => Promise.reject(new Error('no companion')));
  await choices.refresh();
  expect(choices.state).toBe('failed');
  expect(choices.detail).toContain('no companion');
});
