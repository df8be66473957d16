/**
 * Why the companion does not use a source, in the person's language. The companion says it in
 * English; what stands behind a colon there is a detail, often the system's own words. What is not
 * known here stays as it is.
 */
const chinese: Record<string, string> = {
  'it has not answered yet': '尚未应答',
  'it does not answer: {detail}': '没有应答：{detail}',
  'it does not say whether it is active: {detail}': '没有说明是否已启动：{detail}',
  'it does not say: {detail}': '没有说明：{detail}',
  'it fell silent': '不再应答',
  'it stopped': '已停止',
  'not needed: {detail} answers': '不需要：{detail} 已应答',
  'not running: no GNOME here': '未运行：这里没有 GNOME',
  'not running': '未运行',
  'logind is not running': 'logind 未运行',
  'not read on this system': '在此系统上不读取',
  'no session of ours: {detail}': '没有本用户的会话：{detail}',
  'this user has no graphical session': '此用户没有图形会话',
  'no session bus: {detail}': '没有会话总线：{detail}',
  'no system bus: {detail}': '没有系统总线：{detail}',
  'no bus: {detail}': '没有总线：{detail}',
  'the bus does not answer': '总线没有应答',
  'the bus is gone': '总线已消失',
  'the bus refused': '总线拒绝了请求',
  'the session bus is gone': '会话总线已消失',
  'the system bus is gone': '系统总线已消失',
  'the system bus refused: {detail}': '系统总线拒绝了请求：{detail}',
  'the system does not say': '系统没有说明',
  'the system does not tell yet': '系统尚未告知',
  'this system does not tell': '此系统不告知',
  'no thread for it: {detail}': '没有可用的线程：{detail}',
  'no thread for it': '没有可用的线程',
  'no window for it': '没有可用的窗口',
  'no X server (DISPLAY is not set)': '没有 X 服务器（未设置 DISPLAY）',
  'a Wayland session: its X server sees only the input of X windows':
    'Wayland 会话：其 X 服务器只能看到 X 窗口中的操作',
  'a Wayland session: its compositor does not tell what fills the screen':
    'Wayland 会话：其合成器不告知哪个窗口占满屏幕',
  'this X server has no IDLETIME counter': '此 X 服务器没有 IDLETIME 计数器',
  'the X server does not tell: {detail}': 'X 服务器没有告知：{detail}',
  'the X server refused: {detail}': 'X 服务器拒绝了请求：{detail}',
  'the X server went away: {detail}': 'X 服务器已退出：{detail}',
  'no Wayland compositor (WAYLAND_DISPLAY is not set)':
    '没有 Wayland 合成器（未设置 WAYLAND_DISPLAY）',
  'this compositor counts a film as input, which is taken for one after a minute':
    '此合成器把播放影片当作操作，一分钟后按影片处理',
  'this compositor does not speak ext-idle-notify-v1': '此合成器不支持 ext-idle-notify-v1',
  'the compositor does not answer': '合成器没有应答',
  'the compositor went away: {detail}': '合成器已退出：{detail}',
};

const patterns = Object.entries(chinese).map(([said, words]) => {
  const [before = '', after] = said.split('{detail}');
  return { before, after, words };
});

/** What the companion said, in this language. */
export function reason(said: string, locale: string): string {
  if (!/^zh\b/i.test(locale)) return said;
  for (const { before, after, words } of patterns) {
    if (after === undefined ? said === before : said.startsWith(before) && said.endsWith(after)) {
      const detail = said.slice(before.length, said.length - (after?.length ?? 0));
      return words.replace('{detail}', () => reason(detail, locale));
    }
  }
  return said;
}
