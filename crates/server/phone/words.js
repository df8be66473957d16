// What the page says, in English and Simplified Chinese.

const english = {
  account: "Account",
  password: "Password",
  signIn: "Sign in",
  signInIntro: "Sign in to get your messages on this phone while you are away from your desktop.",
  signOut: "Sign out",
  signOutHint: "Signing out removes every message from this phone.",
  signOutOffline: "The server cannot be reached, so this phone is still signed in. Try again when you are online.",
  wrongCredentials: "Name or password is not right. Try again, or ask whoever runs this server.",
  tooMany: "Too many attempts. Wait a minute, then try again.",
  serverSilent: "The server does not answer. Check the connection, then try again.",
  serverSaid: ({ detail }) => `The server said: ${detail}`,
  signInAgain: "This phone was signed out because it was not used for a long time. Sign in again.",
  revoked: "This phone was signed out from elsewhere, and its messages were removed.",
  signedOut: "You are signed out. Every message was removed from this phone.",
  storageBroken: "This browser does not let the page keep messages (private window, or storage full). Free some space or use a normal window, then reload.",

  online: "Connected",
  connecting: "Connecting…",
  offline: ({ since }) => (since ? `Offline since ${since}, showing what is on this phone` : "Offline, showing what is on this phone"),
  elsewhere: "Hither is open in another tab or window, and only one can be connected.",
  useHere: "Use it here",
  broken: "The server did not understand this page. Reload it; if that does not help, tell whoever runs this server.",
  reload: "Reload",
  gap: ({ since }) => `The server no longer has messages from before ${since} that this phone never got.`,

  rings: "This page rings while it is open.",
  ringsSilently: "While it is open, this page shows new messages but may not play sound yet.",
  closedIsSilent: "It does not ring when it is closed or the phone has put it to sleep.",
  allowSound: "Allow sound",
  allowNotifications: "Allow notifications",

  unread: ({ count }) => `${count} unread`,
  messages: "Messages",
  noMessages: "No messages yet. New ones appear here.",
  newMessage: ({ publisher, title }) => `New message from ${publisher}: ${title}`,
  newMessages: ({ count }) => `${count} new messages`,
  urgent: "Urgent",
  dismiss: "Dismiss",
  recentAlerts: "Recent alerts",
  noAlerts: "This page has not rung yet.",
  rang: ({ when, title }) => `${when}: ${title}`,
  back: "Back",
  gone: "This message is no longer here: it was withdrawn, or it expired.",
  richMessage: "Rich message",
  opens: ({ host }) => `Opens ${host}`,
};

const chinese = {
  account: "账号",
  password: "密码",
  signIn: "登录",
  signInIntro: "登录后，当您离开电脑时，消息会送到这部手机。",
  signOut: "退出登录",
  signOutHint: "退出登录会删除这部手机上的所有消息。",
  signOutOffline: "无法连接服务器，这部手机仍处于登录状态。请联网后再试。",
  wrongCredentials: "账号或密码不正确。请重试，或联系服务器管理员。",
  tooMany: "尝试次数过多。请等一分钟后再试。",
  serverSilent: "服务器没有响应。请检查网络后再试。",
  serverSaid: ({ detail }) => `服务器提示：${detail}`,
  signInAgain: "这部手机长时间未使用，已退出登录。请重新登录。",
  revoked: "这部手机已在别处被退出登录，消息已删除。",
  signedOut: "您已退出登录。这部手机上的所有消息已删除。",
  storageBroken: "浏览器不允许本页保存消息（无痕窗口，或存储空间已满）。请释放空间或使用普通窗口，然后重新加载。",

  online: "已连接",
  connecting: "正在连接…",
  offline: ({ since }) => (since ? `自 ${since} 起离线，显示手机上已有的消息` : "离线，显示手机上已有的消息"),
  elsewhere: "Hither 已在另一个标签页或窗口中打开，同时只能连接一个。",
  useHere: "在这里使用",
  broken: "服务器无法理解本页。请重新加载；如果仍不行，请联系服务器管理员。",
  reload: "重新加载",
  gap: ({ since }) => `服务器上已没有 ${since} 之前、这部手机从未收到的消息。`,

  rings: "本页打开时会响铃。",
  ringsSilently: "本页打开时会显示新消息，但还不能播放声音。",
  closedIsSilent: "关闭本页或手机让它休眠后，不会响铃。",
  allowSound: "允许声音",
  allowNotifications: "允许通知",

  unread: ({ count }) => `${count} 条未读`,
  messages: "消息",
  noMessages: "还没有消息。新消息会显示在这里。",
  newMessage: ({ publisher, title }) => `来自 ${publisher} 的新消息：${title}`,
  newMessages: ({ count }) => `${count} 条新消息`,
  urgent: "紧急",
  dismiss: "关闭",
  recentAlerts: "最近的提醒",
  noAlerts: "本页还没有响过铃。",
  rang: ({ when, title }) => `${when}：${title}`,
  back: "返回",
  gone: "这条消息已不在：它被撤回或已过期。",
  richMessage: "富媒体消息",
  opens: ({ host }) => `打开 ${host}`,
};

export const language = navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
const words = language === "en" ? english : chinese;

/** The sentence of this name, filled with `values`. */
export function say(name, values) {
  const word = words[name];
  return typeof word === "function" ? word(values) : word;
}

const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(language, { month: "short", day: "numeric" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });

/** The time of day for today, else the date. */
export function shortTime(moment) {
  const date = new Date(moment);
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : day.format(date);
}

/** Date and time to the second. */
export function exactTime(moment) {
  return exact.format(new Date(moment));
}
