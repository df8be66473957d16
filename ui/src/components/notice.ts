import type { Notice } from '../backend/types';
import { t } from '../i18n';
import type { Clock } from '../model/time';

/** What a notice says: what happened, and what to do next. */
export function words(notice: Notice, clock: Clock): string {
  switch (notice.kind) {
    case 'unreachable':
    case 'history_broken':
    case 'no_notifications':
      return t(notice.kind, { detail: notice.detail.replace(/[.。]$/, '') });
    case 'gap':
      return t('gap', { time: clock.since(new Date(notice.since), new Date()) });
    default:
      return t(notice.kind);
  }
}
