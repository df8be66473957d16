import type { QuietTime, Weekday } from '../backend/types';

export const WEEK: readonly Weekday[] = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
];

const DAY = 24 * 60;

/** An hour; hour and minutes, with something between them or without. */
const FORMS = /^(\d{1,2}?)(?:\s*[:.：]\s*(?=\d)|(?=\d\d$)|$)(\d{1,2})?$/;

/** A stretch of one day, in minutes from its beginning. */
export interface Stretch {
  from: number;
  to: number;
}

/** `22:00` of what a person typed: `22`, `7:5`, `2230`, `22.30`; `null` where it is no time. */
export function timeOfDay(typed: string): string | null {
  const [, hour, minute] = FORMS.exec(typed.trim()) ?? [];
  if (hour === undefined || Number(hour) > 23 || Number(minute ?? 0) > 59) return null;
  return `${hour.padStart(2, '0')}:${(minute ?? '').padStart(2, '0')}`;
}

/** Whether it ends on the day after it begins. */
export const endsNextDay = ({ from, to }: QuietTime) => minutes(to) <= minutes(from);

/** The quiet hours of each day, Monday first. */
export function week(times: readonly QuietTime[]): Stretch[][] {
  const days: Stretch[][] = WEEK.map(() => []);
  for (const time of times) {
    const [from, to] = [minutes(time.from), minutes(time.to)];
    WEEK.forEach((day, index) => {
      if (time.days?.length && !time.days.includes(day)) return;
      const overnight = endsNextDay(time);
      days[index]?.push({ from, to: overnight ? DAY : to });
      if (overnight && to > 0) days[(index + 1) % 7]?.push({ from: 0, to });
    });
  }
  return days;
}

function minutes(time: string): number {
  const [hour, minute] = time.split(':');
  return Number(hour) * 60 + Number(minute);
}
