import type { Translate } from '../i18n';

/** How moments are written for one person: their language, their zone. */
export interface Clock {
  /** For a row: `now`, `5 min ago`, `3 hr ago` today, then the time of day, which its group dates. */
  short(moment: Date, now: Date): string;
  /** For tooltips and headers: the full date and time. */
  exact(moment: Date): string;
  /** `14:02` today, with the date when it is another day. */
  since(moment: Date, now: Date): string;
  /** `14:02`. */
  time(moment: Date): string;
  /** `14:02:07`, with the date when it is another day. */
  precise(moment: Date, now: Date): string;
  /** The name of a day: Today, Yesterday, Tuesday, 3 November, 3 November 2025. */
  day(moment: Date, now: Date): string;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export function clock(locale: string, t: Translate, timeZone?: string): Clock {
  const zone = timeZone === undefined ? {} : { timeZone };
  const format = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(locale, { ...zone, ...options });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'always', style: 'narrow' });
  const timeOfDay = format({ timeStyle: 'short' });
  const full = format({ dateStyle: 'full', timeStyle: 'medium' });
  const dated = format({ dateStyle: 'medium', timeStyle: 'short' });
  const exactTime = format({ timeStyle: 'medium' });
  const exactDated = format({ dateStyle: 'medium', timeStyle: 'medium' });
  const weekday = format({ weekday: 'long' });
  const dayOfYear = format({ month: 'long', day: 'numeric' });
  const dayAndYear = format({ year: 'numeric', month: 'long', day: 'numeric' });
  const calendar = new Intl.DateTimeFormat('en-CA', { ...zone, dateStyle: 'short' });
  const sameDay = (a: Date, b: Date) => calendar.format(a) === calendar.format(b);

  return {
    short(moment, now) {
      const age = now.getTime() - moment.getTime();
      if (!sameDay(moment, now)) return timeOfDay.format(moment);
      if (age < MINUTE) return t('now');
      if (age < HOUR) return relative.format(-Math.floor(age / MINUTE), 'minute');
      return relative.format(-Math.floor(age / HOUR), 'hour');
    },
    exact: (moment) => full.format(moment),
    time: (moment) => timeOfDay.format(moment),
    precise: (moment, now) => (sameDay(moment, now) ? exactTime : exactDated).format(moment),
    since: (moment, now) => (sameDay(moment, now) ? timeOfDay : dated).format(moment),
    day(moment, now) {
      if (sameDay(moment, now)) return t('today');
      if (sameDay(moment, new Date(now.getTime() - DAY))) return t('yesterday');
      const age = now.getTime() - moment.getTime();
      if (age > 0 && age < 6 * DAY) return weekday.format(moment);
      const thisYear = calendar.format(moment).slice(0, 4) === calendar.format(now).slice(0, 4);
      return (thisYear ? dayOfYear : dayAndYear).format(moment);
    },
  };
}

/** Eight in the morning of the next day. */
export function tomorrowMorning(now: Date): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 8);
}

/** When a pause ends; `open` when no end was chosen, which is further away than a year. */
export function pauseEnd(until: string | null, now: Date): Date | 'open' | null {
  const end = until === null ? now : new Date(until);
  if (end <= now) return null;
  return end.getTime() - now.getTime() > 365 * DAY ? 'open' : end;
}

/** `812 B`, `1.4 kB`, `3 MB`. */
export function size(bytes: number, locale: string): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
  const step = bytes < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: units[step] ?? 'byte',
    unitDisplay: 'narrow',
    maximumFractionDigits: step === 0 ? 0 : 1,
  }).format(bytes / 1000 ** step);
}

/** `4 sec`, `1 min, 30 sec`, `2 hr`: at most two units, the smaller one left out when it is nothing. */
export function duration(
  ms: number,
  locale: string,
  unitDisplay: 'long' | 'short' = 'short',
): string {
  const seconds = Math.floor(ms / 1000);
  const [days, hours, minutes] = [86_400, 3600, 60].map((unit) => Math.floor(seconds / unit));
  const parts: [number, string][] =
    days && days > 1
      ? [[days, 'day']]
      : hours
        ? [
            [hours, 'hour'],
            [(minutes ?? 0) % 60, 'minute'],
          ]
        : minutes
          ? [
              [minutes, 'minute'],
              [seconds % 60, 'second'],
            ]
          : [[seconds, 'second']];
  const written = parts
    .filter(([count], index) => index === 0 || count > 0)
    .map(([count, unit]) =>
      new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay }).format(count),
    );
  return new Intl.ListFormat(locale, { type: 'unit', style: unitDisplay }).format(written);
}
