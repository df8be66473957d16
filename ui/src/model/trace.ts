import type { DeviceFact, DeviceName, TraceStep } from '../backend/types';
import type { Key, Translate } from '../i18n';
import { duration } from './time';

/** How decisions are told to one person: their language, the names of their devices. */
export interface Teller {
  /** A decision in one line: `Alerted on this computer: you were there, last input 4 sec ago`. */
  line(step: TraceStep): string;
  /** The devices as they were at that moment, but for what the line tells already. */
  facts(step: TraceStep): string[];
}

/**
 * The decision that a person asks about: where it last alerted, this computer before others; else
 * the last one that says why it did not.
 */
export function decisive(steps: readonly TraceStep[], devices: readonly DeviceName[]) {
  const here = devices.find((device) => device.here)?.id;
  const rang = steps.filter(({ outcome }) => outcome === 'alerted' || outcome === 'pushed');
  const last = rang.at(-1);
  if (last) {
    // Several devices that ring at once are one decision.
    const together = rang.filter(({ at, because }) => at === last.at && because === last.because);
    return together.find(({ device }) => device === here) ?? last;
  }
  return (
    steps.findLast(({ outcome }) => outcome === 'silent' || outcome === 'waits') ?? steps.at(-1)
  );
}

export function teller(devices: readonly DeviceName[], t: Translate, locale: string): Teller {
  const named = (id: string) => {
    const device = devices.find((known) => known.id === id);
    if (!device) return t('removed_device');
    return device.here ? t('this_computer') : device.name;
  };

  function seat({ seat: at, reason, since_ms, last_input_ms }: DeviceFact): string {
    const what = t(at === 'inactive' ? seatKey(reason) : `seat_${at}`);
    // Just now is not worth a figure.
    const held =
      (since_ms ?? 0) < 1000 ? what : t('seat_for', { seat: what, time: ago(since_ms ?? 0) });
    if (last_input_ms === undefined) return held;
    return t('seat_input', { seat: held, time: ago(last_input_ms) });
  }
  const ago = (ms: number) => duration(ms, locale);

  return {
    line(step) {
      if (step.outcome === 'other' || step.because === 'other') return step.text;
      const device = step.device === undefined ? t('your_devices') : named(step.device);
      const what = t(`why_${step.outcome}`, { device });
      const why = t(`because_${step.because}`);
      const own = step.facts?.find((fact) => said(step, fact));
      if (!own) return t('why_line', { what, why });
      const facts = t('input_ago', { time: ago(own.last_input_ms ?? 0) });
      return t('why_facts', { what, why, facts });
    },
    facts: (step) =>
      (step.facts ?? [])
        .filter((fact) => !said(step, fact))
        .map((fact) => t('why_line', { what: named(fact.device), why: seat(fact) })),
  };
}

/** Whether the line itself tells this fact: that somebody used the device just now. */
const said = (step: TraceStep, fact: DeviceFact) =>
  step.because === 'active' && fact.device === step.device && fact.last_input_ms !== undefined;

const seatKey = (reason: DeviceFact['reason']): Key => `seat_${reason ?? 'other'}`;
