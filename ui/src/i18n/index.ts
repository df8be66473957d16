import { en } from './en';
import { zh } from './zh';

type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };
type Widen<T> = T extends string ? string : Plural;

/** The keys are English's; every language has them all. */
export type Messages = { readonly [K in keyof typeof en]: Widen<(typeof en)[K]> };
export type Key = keyof Messages;
export type Translate = (key: Key, values?: Record<string, string | number>) => string;

const languages: Record<string, Messages> = { en, zh };

/** The first of the person's languages that Hither speaks, with their own region; else English. */
export function pick(wanted: readonly string[]): string {
  return wanted.find((tag) => languageOf(tag) in languages) ?? 'en';
}

/** The words of one language. `{count}` also chooses the plural form. */
export function translator(tag: string): Translate {
  const messages = languages[languageOf(tag)] ?? en;
  const plurals = new Intl.PluralRules(tag);
  const numbers = new Intl.NumberFormat(tag);
  return (key, values = {}) => {
    const message = messages[key];
    const text = typeof message === 'string' ? message : choose(message, values['count'], plurals);
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      if (value === undefined) return whole;
      return typeof value === 'number' ? numbers.format(value) : value;
    });
  };
}

function choose(forms: Plural, count: string | number | undefined, plurals: Intl.PluralRules) {
  return forms[plurals.select(Number(count))] ?? forms.other;
}

function languageOf(tag: string): string {
  return tag.toLowerCase().split('-')[0] ?? '';
}

export const locale = pick(globalThis.navigator?.languages ?? []);
export const t = translator(locale);
