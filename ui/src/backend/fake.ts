import type { Backend, Listener } from './backend';
import type {
  Answer,
  AppLockView,
  Command,
  Headline,
  Message,
  Query,
  Settings,
  View,
} from './types';
import { CHOSEN, DEVICES, SOURCES, steps, TWIN } from './samples';

/**
 * The whole page in a plain browser. The address chooses a situation:
 * `?show=full|empty|long|chinese|signed-out|signing-in|wrong|locked|locked-wrong|
 * locked-closed|lost|starting|broken`, and with any of
 * them `&offline`, `&paused`, `&notice=KIND`. `window.fake` plays the rest of the world.
 */
export class FakeBackend implements Backend {
  #listener: Listener | null = null;
  #messages: Message[];
  #view: View;
  readonly #show: string;
  #settings: Settings;
  /** The server answers. */
  reachable = true;
  /** What the page asked for, for tests. */
  readonly sent: Command[] = [];
  readonly asked: Query[] = [];
  readonly opened: string[] = [];
  /** The history on this computer cannot be read. */
  broken = false;
  /** There is a second phone of the same name. */
  twins = false;

  constructor(situation: URLSearchParams) {
    this.#settings = structuredClone(CHOSEN[situation.get('chosen') ?? 'some'] ?? CHOSEN.none);
    this.reachable = !situation.has('offline');
    this.#show = situation.get('show') ?? 'full';
    this.broken = this.#show === 'broken';
    this.#messages = messages(this.#show);
    const signedOut = ['signed-out', 'signing-in', 'wrong'].includes(this.#show);
    const notice = situation.get('notice') as 'disk_full' | null;
    this.#view = {
      account: signedOut ? null : { name: 'ada', server: 'https://push.example.org' },
      connection: situation.has('offline')
        ? { state: 'offline', since: today(14, 2), why: 'The network is not reachable.' }
        : { state: signedOut ? 'signed_out' : 'online' },
      presence: { state: 'active', reason: null },
      glance: { unread: 0, urgent: false, newest: [] },
      paused_until: situation.has('paused') ? '9999-01-01T00:00:00Z' : null,
      notice: this.#show === 'wrong' ? { kind: 'wrong_credentials' } : notice && { kind: notice },
      signing_in: this.#show === 'signing-in',
      app_lock: this.#show.startsWith('locked') ? (LOCKED[this.#show] ?? null) : null,
      settings_changes: 0,
    };
    Object.assign(window, { fake: this });
  }

  watch(listener: Listener): () => void {
    this.#listener = listener;
    if (this.#show === 'lost') listener.lost('It could not be started: no such file.');
    else if (this.#show === 'starting') listener.view(null);
    else this.#tell();
    return () => (this.#listener = null);
  }

  async send(command: Command): Promise<void> {
    this.sent.push(command);
    const read_at = new Date().toISOString();
    switch (command.type) {
      case 'sign_in':
        this.#view = { ...this.#view, signing_in: true, notice: null };
        this.#tell();
        await pause(400);
        this.#signIn(command.account, command.password === 'wrong');
        break;
      case 'sign_out':
        this.#view = { ...this.#view, account: null, connection: { state: 'signed_out' } };
        break;
      case 'mark_read':
        this.#change((message) =>
          command.ids.includes(message.id) ? { ...message, read_at } : message,
        );
        break;
      case 'mark_all_read':
        this.#change((message) => ({ read_at, ...message }));
        break;
      case 'set_app_lock':
        this.#lock({ ...UNLOCKED, when: command.when });
        break;
      case 'lock':
        this.#lock(this.#view.app_lock && { ...this.#view.app_lock, locked: true });
        break;
      case 'unlock':
      case 'change_app_lock':
      case 'remove_app_lock':
        await this.#check(command);
        break;
      case 'pause':
        this.#view = { ...this.#view, paused_until: command.until ?? '9999-01-01T00:00:00Z' };
        break;
      case 'resume':
        this.#view = { ...this.#view, paused_until: null };
        break;
      case 'dismiss_notice':
        this.#view = { ...this.#view, notice: null };
        break;
    }
    this.#tell();
  }

  async ask(query: Query): Promise<Answer> {
    this.asked.push(query);
    await pause(5);
    if (this.broken) return { type: 'failed', detail: 'database disk image is malformed' };
    if (query.type === 'save') {
      await pause(200);
      const of = this.#messages.find(({ id }) => id === query.id);
      const name = of?.attachments?.[query.attachment]?.name;
      return name
        ? { type: 'saved', path: `/home/ada/Downloads/${name}` }
        : {
            type: 'failed',
            detail: 'The file was not saved: the server does not have it any more.',
          };
    }
    switch (query.type) {
      case 'diagnostics':
        return {
          type: 'diagnostics',
          diagnostics: { presence: this.#view.presence, last_input_ms: 1200, sources: SOURCES },
        };
      case 'publishers':
        return { type: 'publishers', publishers: this.#publishers() };
      case 'trace':
      case 'settings':
      case 'keep_settings':
        return this.#askServer(query);
    }
    if (query.type !== 'page') {
      const message = this.#messages.find(({ id }) => id === query.id);
      // A new one each time, as over the wire.
      return { type: 'message', message: structuredClone(message) ?? null };
    }
    const { before, unread_only, limit } = query;
    const older = this.#messages.filter(
      (message) => (before === null || message.id < before) && !(unread_only && message.read_at),
    );
    return { type: 'page', rows: older.slice(0, limit).map(headline), more: older.length > limit };
  }

  async openLink(url: string): Promise<void> {
    this.opened.push(url);
  }

  async openRich(id: string): Promise<void> {
    this.opened.push(id);
  }

  async retry(): Promise<void> {
    this.#tell();
  }

  /** A message arrives. */
  arrive(title = 'A new message'): void {
    const count = this.#messages.length;
    const fresh = message(count + 1, new Date(), { title, body: 'It has just come in.' });
    this.#messages = [fresh, ...this.#messages];
    this.#tell();
  }

  /** Another device changes settings. */
  changeElsewhere(some: Partial<Settings>): void {
    this.#settings = { ...this.#settings, ...some };
    this.#view = { ...this.#view, settings_changes: this.#view.settings_changes + 1 };
    this.#tell();
  }

  /** The server goes away, or comes back. */
  reach(reachable: boolean): void {
    this.reachable = reachable;
    this.#view = {
      ...this.#view,
      connection: reachable
        ? { state: 'online' }
        : { state: 'offline', since: today(14, 2), why: 'The network is not reachable.' },
    };
    this.#tell();
  }

  /** What the server holds, for tests. */
  get settings(): Settings {
    return this.#settings;
  }

  /** A pop-up is clicked. */
  show(id: string): void {
    this.#listener?.open(id);
  }

  /** The newest message is taken back. */
  withdraw(): void {
    this.#messages = this.#messages.slice(1);
    this.#tell();
  }

  #publishers() {
    const all = this.#messages.slice(0, 100).map(({ publisher }) => publisher);
    return [...new Map(all.map((one) => [one.id, one])).values()];
  }

  async #askServer(
    query: Query & { type: 'trace' | 'settings' | 'keep_settings' },
  ): Promise<Answer> {
    await pause(30);
    if (!this.reachable) {
      return { type: 'failed', detail: 'https://push.example.org does not answer' };
    }
    if (query.type === 'settings') {
      return { type: 'settings', settings: structuredClone(this.#settings) };
    }
    if (query.type === 'trace') {
      const message = this.#messages.find(({ id }) => id === query.id);
      return {
        type: 'trace',
        trace: { steps: message ? steps(message, this.twins) : [] },
        devices: this.twins ? [...DEVICES, TWIN] : DEVICES,
      };
    }
    await pause(120);
    const { was, to } = query;
    const held: Record<string, unknown> = { ...this.#settings };
    for (const name of Object.keys({ ...was, ...to }) as (keyof Settings)[]) {
      const [before, wanted, now] = [was[name], to[name], held[name]].map((it) =>
        JSON.stringify(it),
      );
      if (wanted === before || wanted === now) continue;
      if (now !== before) {
        return { type: 'settings_differ', settings: structuredClone(this.#settings) };
      }
      held[name] = to[name];
    }
    this.#settings = JSON.parse(JSON.stringify(held)) as Settings;
    return { type: 'settings', settings: structuredClone(this.#settings) };
  }

  #signIn(name: string, wrong: boolean) {
    this.#view = wrong
      ? { ...this.#view, signing_in: false, notice: { kind: 'wrong_credentials' } }
      : {
          ...this.#view,
          signing_in: false,
          account: { name, server: 'https://push.example.org' },
          connection: { state: 'online' },
        };
  }

  async #check(command: Command & { passphrase: string }) {
    const lock = this.#view.app_lock;
    if (!lock) return;
    this.#lock({ ...lock, checking: true, wrong: false });
    this.#tell();
    await pause(200);
    if (command.passphrase !== '1234') this.#lock({ ...lock, wrong: true });
    else if (command.type === 'unlock') this.#lock({ ...lock, locked: false, wrong: false });
    else if (command.type === 'change_app_lock') this.#lock({ ...lock, when: command.when });
    else this.#lock(null);
  }

  #lock(app_lock: AppLockView | null) {
    this.#view = { ...this.#view, app_lock };
  }

  #change(change: (message: Message) => Message) {
    this.#messages = this.#messages.map(change);
  }

  #tell() {
    const unread = this.#messages.filter((message) => !message.read_at);
    this.#view = {
      ...this.#view,
      glance: {
        unread: unread.length,
        urgent: unread.some(({ priority }) => priority === 5),
        newest: unread.slice(0, 5).map(headline),
      },
    };
    this.#listener?.view(this.#view);
  }
}

const UNLOCKED: AppLockView = {
  locked: false,
  when: { after_s: null, with_screen: true },
  checking: false,
  wrong: false,
  closed_until: null,
};

const LOCKED: Record<string, AppLockView> = {
  locked: { ...UNLOCKED, locked: true },
  'locked-wrong': { ...UNLOCKED, locked: true, wrong: true },
  'locked-closed': { ...UNLOCKED, locked: true, wrong: true, closed_until: today(23, 59) },
};

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

function today(hour: number, minute: number): string {
  const moment = new Date();
  moment.setHours(hour, minute, 0, 0);
  return moment.toISOString();
}

function headline({
  id,
  title,
  body,
  publisher,
  priority,
  created_at,
  read_at,
  html,
}: Message): Headline {
  const line =
    body
      .replace(/[#*`>[\]|_]/g, '')
      .trim()
      .split('\n')[0] ?? '';
  return {
    id,
    title: title || line,
    line: title ? line : '',
    publisher: publisher.name,
    priority,
    created_at,
    read: read_at !== undefined,
    rich: html !== undefined,
  };
}

function message(number: number, at: Date, given: Partial<Message>): Message {
  return {
    id: `019a0000-0000-7000-8000-${String(number).padStart(12, '0')}`,
    publisher: { id: 'app-0000000000000001', name: 'Build server' },
    title: '',
    body: '',
    format: 'plain',
    priority: 3,
    created_at: at.toISOString(),
    ...given,
  };
}

/** Each name is a publisher of its own. */
function from(name: string) {
  const sum = [...name].reduce((all, one) => (all * 31 + (one.codePointAt(0) ?? 0)) % 1e9, 7);
  return { id: `app-${String(sum).padStart(16, '0')}`, name };
}

function messages(show: string): Message[] {
  if (show === 'empty') return [];
  const samples = show === 'long' ? LONG : show === 'chinese' ? CHINESE : SAMPLES;
  const count = show === 'full' ? 10_000 : samples.length;
  const start = Date.now() - 40_000;
  return Array.from({ length: count }, (_, index) => {
    const sample = samples[index % samples.length] ?? {};
    const at = new Date(start - (index * (index + 40) * 60_000) / 4);
    const read = index > 3 && index % 7 !== 0 ? { read_at: at.toISOString() } : {};
    return message(count - index, at, { ...sample, ...read });
  });
}

const MARKDOWN = `The nightly build finished. **Two** checks need a look:

1. \`cargo test\` took _twice_ as long as last week
2. the deb package grew by 4 %

| part | before | after |
| --- | --- | --- |
| companion | 7.1 MB | 7.4 MB |
| window | 9.6 MB | 9.7 MB |

- [x] signed
- [ ] announced

> Nothing was published yet.

See [the log](https://ci.example.org/runs/4821), or https://ci.example.org.

![a graph](https://tracker.example.net/pixel.png)

<script>alert('text, not code')</script>

\`\`\`
error: linking with \`cc\` failed: exit status: 1
\`\`\``;

const SAMPLES: Partial<Message>[] = [
  {
    title: 'Nightly build finished with warnings',
    body: MARKDOWN,
    format: 'markdown',
    priority: 4,
  },
  {
    title: 'Disk on db-2 is 96 % full',
    body: 'At this rate it is full in 40 minutes. Writing stops then.',
    publisher: from('Monitoring'),
    priority: 5,
    topic: 'ops',
    url: 'https://status.example.org/db-2',
    actions: [
      { id: 'ack', label: 'I take it' },
      { id: 'later', label: 'Remind me later' },
    ],
  },
  {
    title: 'Your statement for November',
    body: 'Balance 1,204.50. Three payments came in, two went out.',
    publisher: from('Harbour Bank'),
    html: { size: 4200, inline: '<h1>Statement</h1>' },
    attachments: [
      { name: 'statement-2026-11.pdf', media_type: 'application/pdf', size: 184_320, href: '/a/1' },
    ],
  },
  { body: 'Lunch at the corner place at half past twelve?', publisher: from('Grace') },
  {
    title: 'Review wanted: keep the cursor after a restart',
    body: 'Four files, 120 lines.',
    publisher: from('Code review'),
  },
  {
    title: 'Weekly digest',
    body: 'Seven new posts you may like.',
    publisher: from('Reading list'),
    priority: 2,
  },
];

const LONG: Partial<Message>[] = [
  {
    title:
      'A title that is much longer than any list could ever show in one line, because somebody put the whole story into it and did not stop there',
    body: `${'A paragraph that goes on and on, as people write them when nobody tells them to stop. '.repeat(30)}\n\n${'unbreakable'.repeat(60)}\n\nhttps://example.org/${'a-very-long-path/'.repeat(30)}`,
    publisher: from('The Department of Extraordinarily Long and Distinguished Names'),
    actions: [
      { id: '1', label: 'A button whose label somebody wrote as if it were a sentence' },
      { id: '2', label: 'And another one right beside it' },
    ],
  },
  { title: 'w'.repeat(300), body: 'w'.repeat(3000), publisher: from('w'.repeat(64)), priority: 5 },
];

const CHINESE: Partial<Message>[] = [
  {
    title: '十一月账单已生成',
    body: '本月余额 **1,204.50** 元。共有三笔收入、两笔支出。\n\n- 请在月底前确认\n- 如有疑问，请联系客服',
    format: 'markdown',
    publisher: from('港湾银行'),
    html: { size: 10, inline: '<p>账单</p>' },
  },
  {
    title: '数据库磁盘已用 96%',
    body: '按当前速度，四十分钟后将写满。',
    publisher: from('监控'),
    priority: 5,
    actions: [{ id: 'a', label: '我来处理' }],
  },
  { body: '中午十二点半在街角那家店吃饭吗？', publisher: from('小林') },
];
