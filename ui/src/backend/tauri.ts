import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { Backend, Listener } from './backend';
import type { Answer, Command, Query, View } from './types';

/** What `src-tauri` says: the only event there is. */
type News =
  | { type: 'starting' }
  | { type: 'view'; view: View }
  | { type: 'lost'; why: string }
  | { type: 'open'; id: string }
  | { type: 'closing' };

export class TauriBackend implements Backend {
  watch(listener: Listener): () => void {
    const tell = (news: News) => {
      if (news.type === 'view') listener.view(news.view);
      else if (news.type === 'starting') listener.view(null);
      else if (news.type === 'lost') listener.lost(news.why);
      else if (news.type === 'open') listener.open(news.id);
      else void listener.closing().finally(() => invoke('close'));
    };
    const listening = listen<News>('news', (event) => tell(event.payload));
    // Said again on request: what was sent before the page listened is not lost.
    void listening.then(() => invoke('ready'));
    return () => void listening.then((stop) => stop());
  }

  send(command: Command): Promise<void> {
    return invoke('send', { command });
  }

  ask(query: Query): Promise<Answer> {
    return invoke('ask', { query });
  }

  openLink(url: string): Promise<void> {
    return invoke('open_link', { url });
  }

  openRich(id: string): Promise<void> {
    return invoke('open_rich', { id });
  }

  retry(): Promise<void> {
    return invoke('ready');
  }
}
