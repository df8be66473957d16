import { expect, test } from 'vitest';
import { reason } from './reasons';

const sources: Record<string, string> = import.meta.glob<string>(
  ['../../../crates/presence/src/**/*.rs', '../../../src-tauri/companion/src/desktop.rs'],
  { eager: true, query: '?raw', import: 'default' },
);

/** Texts in the code that are no reasons. */
const OTHERS = [
  'a film',
  'display assertions',
  'execution state',
  'logind inhibitors',
  'logind session',
  'observers are registered with unchecked pointers',
  'power notifications',
  'presence source',
  'screen notifications',
  'session notifications',
  'sleep cannot be held back for a goodbye',
  'sleep is told by broadcast only',
  'split into halves',
  'the shape of a reading',
  "the system's own calls; there is no safe binding",
  'workspace notifications',
];

function texts(): string[] {
  const found = new Set<string>();
  for (const code of Object.values(sources)) {
    const [real = ''] = code.split('#[cfg(test)]\nmod tests');
    for (const [, text = ''] of real.matchAll(/(?<!\/\/.*)"([a-z][^"\n]* [^"\n]*)"/g)) {
      found.add(text);
    }
  }
  return [...found].filter((text) => !OTHERS.includes(text));
}

test('every reason of the companion has Chinese words, and keeps its detail', () => {
  const reasons = texts();
  expect(reasons.length).toBeGreaterThan(30);
  for (const text of reasons) {
    const said = text.replace(/\{\w+\}/g, 'os error 2');
    const words = reason(said, 'zh-CN');
    expect(words, text).toMatch(/\p{Script=Han}/u);
    expect(words.includes('os error 2'), text).toBe(text.includes('{'));
    expect(reason(said, 'en-GB')).toBe(said);
  }
});

test('details are translated where they are known, and otherwise stay', () => {
  expect(reason('no session bus: the bus does not answer', 'zh')).toBe(
    '没有会话总线：总线没有应答',
  );
  expect(reason('not needed: X11 idle counter answers', 'zh')).toBe(
    '不需要：X11 idle counter 已应答',
  );
  expect(reason('no bus: $& {detail}', 'zh')).toBe('没有总线：$& {detail}');
  expect(reason('of a later companion: why', 'zh')).toBe('of a later companion: why');
});
