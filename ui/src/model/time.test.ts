import { expect, test } from 'vitest';
import { translator } from '../i18n';
import { clock, size } from './time';

const now = new Date('2026-11-22T14:02:00Z');
const english = clock('en-GB', translator('en-GB'), 'UTC');
const chinese = clock('zh-CN', translator('zh-CN'), 'UTC');
const at = (moment: string) => new Date(moment);

test.each([
  ['2026-11-22T14:02:00Z', 'now'],
  ['2026-11-22T14:01:01Z', 'now'],
  // Clocks differ: a message from the near future has just come.
  ['2026-11-22T14:02:30Z', 'now'],
  ['2026-11-22T14:01:00Z', '1 min ago'],
  ['2026-11-22T13:02:01Z', '59 min ago'],
  ['2026-11-22T13:02:00Z', '1 hr ago'],
  ['2026-11-22T00:00:00Z', '14 hr ago'],
  ['2026-11-21T23:59:59Z', '23:59'],
  ['2024-02-29T08:05:00Z', '08:05'],
])('a row from %s says %s', (moment, said) => {
  expect(english.short(at(moment), now)).toBe(said);
});

test.each([
  ['2026-11-22T00:00:00Z', 'Today', '今天'],
  ['2026-11-21T23:59:59Z', 'Yesterday', '昨天'],
  ['2026-11-20T12:00:00Z', 'Friday', '星期五'],
  ['2026-11-15T12:00:00Z', '15 November', '11月15日'],
  ['2025-11-22T12:00:00Z', '22 November 2025', '2025年11月22日'],
])('the day of %s is %s, %s', (moment, inEnglish, inChinese) => {
  expect(english.day(at(moment), now)).toBe(inEnglish);
  expect(chinese.day(at(moment), now)).toBe(inChinese);
});

test('the day turns where the person is', () => {
  const shanghai = clock('en-GB', translator('en'), 'Asia/Shanghai');
  expect(shanghai.day(at('2026-11-21T16:30:00Z'), now)).toBe('Today');
});

test('since names the day only when it is another one', () => {
  expect(english.since(at('2026-11-22T09:30:00Z'), now)).toBe('09:30');
  expect(english.since(at('2026-11-20T09:30:00Z'), now)).toBe('20 Nov 2026, 09:30');
});

test.each([
  [0, '0B'],
  [999, '999B'],
  [1400, '1.4kB'],
  [3_000_000, '3MB'],
  [5e12, '5,000GB'],
])('%d bytes are %s', (bytes, said) => {
  expect(size(bytes, 'en')).toBe(said);
});
