/** Whether a person can be looking: the window has the focus and is on screen. */
export class Attention {
  attended = $state(false);

  /** Follows the window until the returned function is called. */
  follow(): () => void {
    const look = () => {
      this.attended = document.hasFocus() && document.visibilityState === 'visible';
    };
    const events = ['focus', 'blur', 'pageshow'] as const;
    for (const event of events) window.addEventListener(event, look);
    document.addEventListener('visibilitychange', look);
    look();
    return () => {
      for (const event of events) window.removeEventListener(event, look);
      document.removeEventListener('visibilitychange', look);
    };
  }
}
