import { expect, test } from 'vitest';
import { reason } from './reasons';

const sources: Record<string, string> = import.meta.glob<string>(
  ['../../../crates/presence/src/**/*.rs', '../../../src-tauri/companion/src/desktop.rs'],
  { eager: true, query: '?raw', import: 'default' },
);

/** Texts in the code that are no reasons. */
const OTHERS = [
  'a film',
  'desktop power management',
  'display assertions',
  'execution state',
  'logind inhibitors',
  'logind session',
  'power notifications',
  'presence source',
  'screen notifications',
  'screen sharing',
  'session notifications',
  'sleep cannot be held back for a goodbye',
  'sleep is told by broadcast only',
  'split into halves',
  'user notification state',
  'workspace notifications',
];

function texts(): string[] {
  const found = new Set<string>();
  for (const code of Object.values(sources)) {
    const [real = ''] = code.split('#[cfg(test)]\nmod tests');
    // Those of lints are for readers of the code.
    for (const [, text = ''] of real.matchAll(/(?<!\/\/.*|reason = )"([a-z][^"\n]* [^"\n]*)"/g)) {
      found.add(text);
    }
  }
  return [...found].filter((text) => !OTHERS.includes(text));
}

test('every reason of the companion has Chinese words, and keeps its detail', () => {
  const reasons = texts();
  expect(reasons.length).toBeGreaterThan(30);
  const told = (text: string) => text.replace(/\{\w+\}/g, 'os error 2');
  const untold = reasons.filter((text) => !/\p{Script=Han}/u.test(reason(told(text), 'zh-CN')));
  expect(untold).toEqual([]);
  for (const text of reasons) {
    const kept = reason(told(text), 'zh-CN').includes('os error 2');
    expect(kept, text).toBe(text.includes('{'));
    expect(reason(told(text), 'en-GB')).toBe(told(text));
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
