import { expect, test } from 'vitest';
import { endsNextDay, timeOfDay, week } from './quiet';

test.each([
  ['22:00', '22:00'],
  [' 7 ', '07:00'],
  ['7:5', '07:05'],
  ['2230', '22:30'],
  ['730', '07:30'],
  ['22.15', '22:15'],
  ['22：15', '22:15'],
  ['0', '00:00'],
  ['24:00', null],
  ['12:60', null],
  ['', null],
  ['noon', null],
  ['-1', null],
  ['12:00:00', null],
])('%j is %j', (typed, time) => {
  expect(timeOfDay(typed)).toBe(time);
});

test('a night fills the evening and the next morning, Sunday into Monday', () => {
  const night = { days: ['sunday' as const], from: '22:00:00', to: '07:30:00' };
  const days = week([night]);
  expect(endsNextDay(night)).toBe(true);
  expect(days[6]).toEqual([{ from: 1320, to: 1440 }]);
  expect(days[0]).toEqual([{ from: 0, to: 450 }]);
  expect(days[1]).toEqual([]);
});

test('a stretch of the day is of every day, unless days are named', () => {
  const noon = { from: '12:00:00', to: '13:00:00' };
  expect(week([noon])).toEqual(Array(7).fill([{ from: 720, to: 780 }]));
  expect(week([{ from: '22:00:00', to: '00:00:00' }])[0]).toEqual([{ from: 1320, to: 1440 }]);
  expect(week([{ from: '08:00:00', to: '08:00:00' }])[3]).toEqual([
    { from: 0, to: 480 },
    { from: 480, to: 1440 },
  ]);
});
