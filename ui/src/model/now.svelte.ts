/** The present moment, renewed every half minute, for what is written relative to it. */
class Present {
  now = $state.raw(new Date());

  /** Keeps it moving until the returned function is called. */
  follow(): () => void {
    const renew = setInterval(() => (this.now = new Date()), 30_000);
    return () => clearInterval(renew);
  }
}

export const present = new Present();
