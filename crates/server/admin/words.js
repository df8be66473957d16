// What the page says, in English and Simplified Chinese.

const plural = new Intl.PluralRules("en");
const count = (number, one, other) => `${number} ${plural.select(number) === "one" ? one : other}`;

const english = {
  title: "Hither administration",
  skip: "Skip to the content",
  account: "Account",
  password: "Password",
  signIn: "Sign in",
  signInIntro: "Sign in with an administrator's account. You stay signed in for 12 hours.",
  signOut: "Sign out",
  signedInAs: ({ name }) => `Signed in as ${name}`,
  wrongCredentials: "Name or password is not right, or the account is no administrator's. Try again, or ask whoever runs this server.",
  tooMany: "Too many attempts. Wait a minute, then try again.",
  serverSilent: "The server does not answer. Check the connection, then try again.",
  serverSaid: ({ detail }) => `The server said: ${detail}`,
  signInAgain: "Your session ended. Sign in again.",
  loading: "Loading…",

  accounts: "Accounts",
  publishers: "Publishers",
  messages: "Messages",
  health: "Health",
  actions: "Actions",
  name: "Name",
  search: "Search accounts",
  addAccount: "Add an account",
  noAccounts: "No account has this in its name.",
  shownOf: ({ shown, total }) => `${shown} of ${total}; search to see others.`,
  total: ({ total }) => count(total, "account", "accounts"),
  administrator: "Administrator",
  disabled: "Disabled",
  devices: "Devices",
  online: "Online",
  offline: "Offline",
  onlineCount: ({ online, devices }) => `${online} of ${devices} online`,
  noDevices: "No device has signed in to this account.",
  lastSeen: "Last seen",
  never: "Never",
  yourself: "You",
  created: "Added",
  back: "All accounts",
  enable: "Enable",
  disable: "Disable",
  remove: "Remove…",
  resetPassword: "Reset password…",
  revoke: "Revoke",
  platform: "System",
  applications: "Applications",
  signedOut: "signed out",
  desktop: "Desktop",
  mobile: "Phone",
  ofName: ({ act, name }) => `${act} ${name}`,

  cancel: "Cancel",
  close: "Close",
  copy: "Copy",
  copied: "Copied.",
  add: "Add",
  accountRule: "1 to 64 of a–z, 0–9, dot, _ and -, beginning with a letter or digit.",
  makeAdmin: "May administer this server",
  passwordMadeUp: "The server makes up a password and shows it once.",
  passwordOf: ({ name }) => `Password of ${name}`,
  shownOnce: "This is shown only now. Hand it over safely, then close this.",
  resetQuestion: ({ name }) => `Reset the password of ${name}?`,
  resetMeans: "A new password is made up and shown once. All devices of the account are signed out.",
  reset: "Reset",
  removeQuestion: ({ name }) => `Remove ${name}?`,
  removeMeans: "The account goes with its devices and its history on this server. This cannot be undone.",
  typeToConfirm: ({ name }) => `Type ${name} to confirm`,
  removeNow: "Remove",
  revokeQuestion: ({ name }) => `Revoke ${name}?`,
  revokeMeans: "The device is signed out at once and wipes this account's history when it next connects.",
  disableQuestion: ({ name }) => `Disable ${name}?`,
  disableAccountMeans: "All its devices are signed out, and nobody can sign in until you enable it again.",
  disablePublisherMeans: "It can publish nothing until you enable it again.",
  done: ({ name }) => `Done: ${name}.`,

  addPublisher: "Add a publisher",
  noPublishers: "No publisher yet. Add one to send messages.",
  kind: "Kind (what its id begins with)",
  kindRule: "2 to 16 letters a–z.",
  id: "Id",
  secrets: "Valid secrets",
  rotate: "New secret…",
  rotateQuestion: ({ name }) => `Make a new secret for ${name}?`,
  rotateMeans: "The present one stays valid until the next new secret, so that programs can change over.",
  rotateNow: "Make a new secret",
  secretOf: ({ name }) => `Id and secret of ${name}`,

  recentMessages: "Recent messages",
  noMessages: "Nothing was published yet.",
  messagesHint: "The last 100, without their content.",
  publisher: "Publisher",
  priority: "Priority",
  priorities: ["", "Min", "Low", "Default", "High", "Urgent"],
  time: "Time",
  receivers: "Receivers",
  shown: "Shown",
  read: "Read",
  message: "Message",

  version: "Version",
  uptime: "Up for",
  streams: "Open connections",
  storeSize: "Store on disk",
  diskFree: "Free on that disk",
  unknown: "Unknown",
};

const chinese = {
  title: "Hither 管理",
  skip: "跳到内容",
  account: "账号",
  password: "密码",
  signIn: "登录",
  signInIntro: "请用管理员账号登录。登录状态保持 12 小时。",
  signOut: "退出登录",
  signedInAs: ({ name }) => `当前账号：${name}`,
  wrongCredentials: "账号或密码不正确，或该账号不是管理员。请重试，或联系服务器管理员。",
  tooMany: "尝试次数过多。请等一分钟后再试。",
  serverSilent: "服务器没有响应。请检查网络后再试。",
  serverSaid: ({ detail }) => `服务器提示：${detail}`,
  signInAgain: "登录已过期，请重新登录。",
  loading: "正在加载…",

  accounts: "账号",
  publishers: "发布者",
  messages: "消息",
  health: "运行状况",
  actions: "操作",
  name: "名称",
  search: "搜索账号",
  addAccount: "添加账号",
  noAccounts: "没有名称包含此内容的账号。",
  shownOf: ({ shown, total }) => `显示 ${total} 个中的 ${shown} 个；搜索可查看其他账号。`,
  total: ({ total }) => `共 ${total} 个账号`,
  administrator: "管理员",
  disabled: "已停用",
  devices: "设备",
  online: "在线",
  offline: "离线",
  onlineCount: ({ online, devices }) => `${devices} 台中 ${online} 台在线`,
  noDevices: "还没有设备登录过此账号。",
  lastSeen: "最后在线",
  never: "从未",
  yourself: "您自己",
  created: "添加时间",
  back: "全部账号",
  enable: "启用",
  disable: "停用",
  remove: "移除…",
  resetPassword: "重置密码…",
  revoke: "撤销",
  platform: "系统",
  applications: "应用",
  signedOut: "已退出",
  desktop: "电脑",
  mobile: "手机",
  ofName: ({ act, name }) => `${act} ${name}`,

  cancel: "取消",
  close: "关闭",
  copy: "复制",
  copied: "已复制。",
  add: "添加",
  accountRule: "1 到 64 个字符：a–z、0–9、点、_ 和 -，以字母或数字开头。",
  makeAdmin: "可以管理此服务器",
  passwordMadeUp: "服务器会生成密码，只显示一次。",
  passwordOf: ({ name }) => `${name} 的密码`,
  shownOnce: "仅在此显示一次。请安全地转交，然后关闭。",
  resetQuestion: ({ name }) => `重置 ${name} 的密码？`,
  resetMeans: "将生成新密码并只显示一次。该账号的所有设备都会退出登录。",
  reset: "重置",
  removeQuestion: ({ name }) => `移除 ${name}？`,
  removeMeans: "该账号及其设备和在此服务器上的历史都会被移除，无法撤消。",
  typeToConfirm: ({ name }) => `输入 ${name} 以确认`,
  removeNow: "移除",
  revokeQuestion: ({ name }) => `撤销 ${name}？`,
  revokeMeans: "该设备立即退出登录，并在下次连接时清除此账号的历史。",
  disableQuestion: ({ name }) => `停用 ${name}？`,
  disableAccountMeans: "其所有设备都会退出登录，在您重新启用之前无法登录。",
  disablePublisherMeans: "在您重新启用之前，它不能发布任何消息。",
  done: ({ name }) => `已完成：${name}。`,

  addPublisher: "添加发布者",
  noPublishers: "还没有发布者。添加一个即可发送消息。",
  kind: "类型（标识的开头）",
  kindRule: "2 到 16 个字母 a–z。",
  id: "标识",
  secrets: "有效密钥",
  rotate: "新密钥…",
  rotateQuestion: ({ name }) => `为 ${name} 生成新密钥？`,
  rotateMeans: "现有密钥在下次生成新密钥之前仍然有效，便于程序切换。",
  rotateNow: "生成新密钥",
  secretOf: ({ name }) => `${name} 的标识和密钥`,

  recentMessages: "最近的消息",
  noMessages: "还没有发布过消息。",
  messagesHint: "最近 100 条，不含内容。",
  publisher: "发布者",
  priority: "优先级",
  priorities: ["", "最低", "低", "默认", "高", "紧急"],
  time: "时间",
  receivers: "接收者",
  shown: "已显示",
  read: "已读",
  message: "消息",

  version: "版本",
  uptime: "已运行",
  streams: "打开的连接",
  storeSize: "存储占用",
  diskFree: "磁盘剩余",
  unknown: "未知",
};

export const language = navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
const words = language === "en" ? english : chinese;

/** The sentence of this name, filled with `values`. */
export function say(name, values) {
  const word = words[name];
  return typeof word === "function" ? word(values) : word;
}

const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** Date and time, or `never`. */
export function time(text) {
  return text ? moment.format(new Date(text)) : say("never");
}

/** Bytes for people. */
export function size(bytes) {
  if (bytes === undefined) return say("unknown");
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const format = new Intl.NumberFormat(language, { style: "unit", unit: units[step], unitDisplay: "short", maximumFractionDigits: 1 });
  return format.format(bytes / 1000 ** step);
}

/** Seconds for people, in the two largest units. */
export function duration(seconds) {
  const parts = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const first = Math.max(0, parts.findIndex(([, length]) => seconds >= length));
  const said = parts.slice(first, first + 2).map(([unit, length], place) => {
    const number = Math.floor((place ? seconds % parts[first][1] : seconds) / length);
    return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(number);
  });
  return said.join(" ");
}
