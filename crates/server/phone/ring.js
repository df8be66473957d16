// Making the person look: sound, vibration, a notification, and a banner in the page.

import { say } from "./words.js";

const TONES_HZ = [880, 1175];
const TONE_S = 0.18;
const VIBRATION_MS = [200, 100, 200];

export class Ringer {
  #audio = null;
  #changed;
  /** What is up in the page, newest first: `{ids, title, text, urgent}`. */
  banners = [];

  /** `changed()` is called when `maySound` or `mayNotify` may have. */
  constructor(changed) {
    this.#changed = changed;
    // Browsers allow sound from the first touch on; any touch will do.
    for (const touch of ["pointerup", "keydown"]) addEventListener(touch, () => this.allowSound(), { once: true });
  }

  get maySound() {
    return this.#audio?.state === "running";
  }

  /** `granted`, `denied`, `default` (not asked yet), or `unsupported`. */
  get mayNotify() {
    return "Notification" in window && isSecureContext ? Notification.permission : "unsupported";
  }

  /** Works inside a touch or key press only. */
  async allowSound() {
    this.#audio ??= new AudioContext();
    this.#audio.onstatechange = this.#changed;
    await this.#audio.resume();
  }

  async allowNotifications() {
    await Notification.requestPermission();
    this.#changed();
  }

  /** Rings once for all of these messages. Resolves to whether a person could perceive it. */
  async ring(messages) {
    const ids = messages.map(({ id }) => id);
    const [one, ...others] = messages;
    const several = others.length > 0;
    const title = several ? say("newMessages", { count: ids.length }) : one.title || one.publisher.name;
    const text = several ? messages.map((message) => message.title || message.publisher.name).join(" · ") : one.body;
    const urgent = messages.some(({ priority }) => priority === 5);
    const stillUp = this.banners.filter((banner) => !banner.ids.some((id) => ids.includes(id)));
    this.banners = [{ ids, title, text, urgent }, ...stillUp];
    navigator.vibrate?.(VIBRATION_MS);
    const heard = this.#sound();
    const notified = await this.#notify(title, text, ids);
    return heard || notified || !document.hidden;
  }

  /** Takes down what was shown for messages that are no longer unread. */
  async settle(isUnread) {
    this.banners = this.banners.filter(({ ids }) => ids.some(isUnread));
    const registration = await serviceWorker();
    const notifications = (await registration?.getNotifications()) ?? [];
    notifications.filter(({ data }) => !data?.ids.some(isUnread)).forEach((notification) => notification.close());
  }

  #sound() {
    if (!this.maySound) return false;
    TONES_HZ.forEach((hertz, place) => this.#tone(hertz, this.#audio.currentTime + place * TONE_S));
    return true;
  }

  #tone(hertz, start) {
    const tone = new OscillatorNode(this.#audio, { frequency: hertz });
    const volume = new GainNode(this.#audio, { gain: 0 });
    volume.gain.setValueAtTime(0.25, start).exponentialRampToValueAtTime(0.001, start + TONE_S);
    tone.connect(volume).connect(this.#audio.destination);
    tone.start(start);
    tone.stop(start + TONE_S);
  }

  async #notify(title, body, ids) {
    if (this.mayNotify !== "granted") return false;
    const registration = await serviceWorker();
    const options = { body, tag: ids.join(), renotify: true, icon: "icon.svg", data: { ids } };
    return Boolean(registration) && registration.showNotification(title, options).then(() => true, () => false);
  }
}

function serviceWorker() {
  return navigator.serviceWorker?.getRegistration().catch(() => undefined);
}
