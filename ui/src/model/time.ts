import type { Translate } from '../i18n';

/** How moments are written for one person: their language, their zone. */
export interface Clock {
  /** For a row: `now`, `5 min ago`, `3 hr ago` today, then the time of day, which its group dates. */
  short(moment: Date, now: Date): string;
  /** For tooltips and headers: the full date and time. */
  exact(moment: Date): string;
  /** `14:02` today, with the date when it is another day. */
  since(moment: Date, now: Date): string;
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
