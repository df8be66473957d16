import type { Answer, Command, Query, View } from './types';

/** What the page needs of the world. `tauri.ts` is the real one, `fake.ts` runs in any browser. */
export interface Backend {
  /** Listens to what happens, beginning with the present state. Returns what ends it. */
  watch(listener: Listener): () => void;
  /** Hands a command to the companion. Its effect shows in the next view. */
  send(command: Command): Promise<void>;
  /** Asks the history. */
  ask(query: Query): Promise<Answer>;
  /** Opens a web or mail address outside the window. Rejects with words for people. */
  openLink(url: string): Promise<void>;
  /** Opens a message's page in a caged window of its own. Rejects with words for people. */
  openRich(id: string): Promise<void>;
  /** Tries to reach the companion again, starting it if need be. */
  retry(): Promise<void>;
}

export interface Listener {
  /** What the companion knows now; `null` while it is being started. */
  view(view: View | null): void;
  /** The companion cannot be reached: words for people. */
  lost(why: string): void;
  /** The window is asked to show this message. */
  open(id: string): void;
  /** The window is about to close. It waits a moment for this. */
  closing(): Promise<void>;
}
