import type { DeviceFact, DeviceName, Message, Settings, SourceView, TraceStep } from './types';

/** Settings for `&chosen=…`. */
export const CHOSEN = {
  none: {
    idle_after_ms: 180_000,
    priorities: {
      min: 'silent',
      low: 'silent',
      default: 'one_screen',
      high: 'one_screen',
      urgent: 'everywhere',
    },
    do_not_disturb: 'off',
    urgent_breaks_through: true,
    when_away: 'phone',
    when_unknown: 'both',
    when_presenting: 'phone',
    read_receipts: false,
  },
  get some(): Settings {
    return {
      ...CHOSEN.none,
      publishers: { 'app-0000000000000001': { loudest: 3, phone_too: true } },
      quiet_times: [
        { days: ['monday', 'tuesday', 'wednesday', 'thursday'], from: '22:00:00', to: '07:00:00' },
        { days: ['friday', 'saturday'], from: '23:30:00', to: '10:00:00' },
      ],
      time_zone: 'Europe/Berlin',
    };
  },
} as Record<string, Settings> & { none: Settings };

export const DEVICES: DeviceName[] = [
  { id: 'laptop', name: 'ada-laptop', here: true },
  { id: 'phone', name: "Ada's phone", here: false },
];

/** Not to be told from the phone by its name. */
export const TWIN: DeviceName = { id: 'twin', name: "Ada's phone", here: false };

/** What was decided about a message: it rang here, or here first and then on the phone. */
export function steps({ id, created_at }: Message, twins = false): TraceStep[] {
  const phones: DeviceFact[] = ['phone', ...(twins ? [TWIN.id] : [])].map((device) => ({
    device,
    seat: 'mobile',
  }));
  const after = (seconds: number) =>
    new Date(new Date(created_at).getTime() + seconds * 1000).toISOString();
  const here: TraceStep = {
    at: after(0),
    outcome: 'alerted',
    device: 'laptop',
    because: 'active',
    facts: [{ device: 'laptop', seat: 'active', last_input_ms: 4000 }, ...phones],
    text: 'ada-laptop alerted: someone is there, active, input 4 s ago',
  };
  if (Number(id.slice(-1)) % 2 === 0) {
    return [
      here,
      { at: after(9), outcome: 'seen', device: 'laptop', because: 'input_afterwards', text: '' },
    ];
  }
  const away: TraceStep = {
    at: after(188),
    outcome: 'alerted',
    device: 'phone',
    because: 'handover',
    facts: [
      {
        device: 'laptop',
        seat: 'inactive',
        reason: 'locked',
        since_ms: 0,
        last_input_ms: 192_000,
      },
      ...phones,
    ],
    text: '',
  };
  return [here, away];
}

export const SOURCES: SourceView[] = [
  {
    topic: 'idle',
    name: 'GNOME idle monitor',
    used: false,
    reason: 'The name org.gnome.Mutter.IdleMonitor was not provided by any .service files',
  },
  { topic: 'idle', name: 'X11 idle counter', used: true, reason: null },
  { topic: 'inhibition', name: 'logind block inhibitors', used: true, reason: null },
  { topic: 'lock', name: 'logind session', used: true, reason: null },
  { topic: 'lock', name: 'org.freedesktop.ScreenSaver', used: true, reason: null },
  { topic: 'session', name: 'logind session', used: true, reason: null },
  { topic: 'sleep', name: 'logind', used: false, reason: 'no system bus' },
  { topic: 'network', name: 'Addresses', used: true, reason: null },
];
