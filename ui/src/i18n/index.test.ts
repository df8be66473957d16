import { expect, test } from 'vitest';
import { en } from './en';
import { pick, translator, type Key } from './index';
import { zh } from './zh';

test('plurals follow the language', () => {
  const english = translator('en-GB');
  expect(english('new_rows', { count: 1 })).toBe('1 new message');
  expect(english('new_rows', { count: 2 })).toBe('2 new messages');
  expect(english('new_rows', { count: 0 })).toBe('0 new messages');
  const chinese = translator('zh-CN');
  expect(chinese('new_rows', { count: 1 })).toBe('1 条新消息');
  expect(chinese('new_rows', { count: 12_345 })).toBe('12,345 条新消息');
});

test('values are put in as they are, even when they look like markup', () => {
  const english = translator('en');
  expect(english('offline', { time: '14:02' })).toBe('Offline since 14:02, showing your history');
  expect(english('unreachable', { detail: '$& {count} <b>' })).toContain('$& {count} <b>');
  expect(english('offline')).toContain('{time}');
});

test.each([
  [['de-DE', 'zh-TW', 'en'], 'zh-TW'],
  [['en-NZ'], 'en-NZ'],
  [['fr'], 'en'],
  [[], 'en'],
])('of %j it speaks %s', (wanted, spoken) => {
  expect(pick(wanted)).toBe(spoken);
});

test('every language names the same values in every message', () => {
  const names = (message: unknown) =>
    [...new Set(JSON.stringify(message).match(/\{\w+\}/g) ?? [])].sort();
  for (const key of Object.keys(en) as Key[]) {
    expect(names(zh[key]), key).toEqual(names(en[key]));
  }
});
