import { expect, test } from 'vitest';
import type { Because, DeviceName, TraceStep } from '../backend/types';
import { translator } from '../i18n';
import { decisive, teller } from './trace';

const devices: DeviceName[] = [
  { id: 'laptop', name: 'ada-laptop', here: true },
  { id: 'phone', name: "Ada's phone", here: false },
];
const english = teller(devices, translator('en'), 'en');
const chinese = teller(devices, translator('zh-CN'), 'zh-CN');

const step = (some: Partial<TraceStep>): TraceStep => ({
  at: '2026-11-22T14:03:02Z',
  outcome: 'alerted',
  because: 'active',
  text: 'In English',
  ...some,
});

const here = step({
  device: 'laptop',
  facts: [{ device: 'laptop', seat: 'active', last_input_ms: 4000 }],
});
const handover = step({
  at: '2026-11-22T14:05:40Z',
  device: 'phone',
  because: 'handover',
  facts: [
    { device: 'laptop', seat: 'inactive', reason: 'locked', since_ms: 90_000, last_input_ms: 1000 },
    { device: 'phone', seat: 'mobile' },
    { device: 'sold', seat: 'inactive' },
  ],
});

test.each([
  [
    here,
    'Alerted on this computer: you were there, last input 4 sec ago',
    '在这台电脑上提醒：你在那里，4秒前有操作',
  ],
  [
    handover,
    "Alerted on Ada's phone: you had left before it came up elsewhere",
    "在Ada's phone上提醒：它在别处弹出之前你已离开",
  ],
  [
    step({ outcome: 'silent', because: 'quieted' }),
    'No alert on your devices: its priority, or your choice for its publisher',
    '未在你的设备上提醒：它的优先级，或你对其发布者的选择',
  ],
  [step({ device: 'sold', because: 'presenting' }), /a device that was removed/, /已移除的设备/],
  [step({ outcome: 'other' }), 'In English', 'In English'],
  [step({ because: 'other' }), 'In English', 'In English'],
])('%o is told in the language of the person', (decision, inEnglish, inChinese) => {
  expect(english.line(decision)).toMatch(inEnglish);
  expect(chinese.line(decision)).toMatch(inChinese);
});

test('every device is told as it was', () => {
  expect(english.facts(handover)).toEqual([
    'this computer: locked for 1 min, 30 sec, last input 1 sec ago',
    "Ada's phone: with you",
    'a device that was removed: not in use',
  ]);
  expect(english.facts(here)).toEqual([]);
  expect(english.facts(step({}))).toEqual([]);
});

test('the decision that matters is where it rang last, here before elsewhere', () => {
  const seen = step({ outcome: 'seen', because: 'input_afterwards' });
  const waits = step({ outcome: 'waits', because: 'nobody_reachable' });
  const everywhere = (device: string) => step({ device, because: 'everywhere' as Because });
  expect(decisive([here, seen], devices)).toBe(here);
  expect(decisive([waits, here, handover], devices)).toBe(handover);
  expect(decisive([everywhere('laptop'), everywhere('phone')], devices)?.device).toBe('laptop');
  expect(decisive([waits, seen], devices)).toBe(waits);
  expect(decisive([seen], devices)).toBe(seen);
  expect(decisive([], devices)).toBeUndefined();
});
