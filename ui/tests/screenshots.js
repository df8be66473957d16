// Every state of the page as a picture: `npm run screenshots`, then look at ui/screenshots/.
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serve } from './served.js';

const folder = fileURLToPath(new URL('../screenshots/', import.meta.url));
const open = async (page) => {
  await page.getByRole('option').first().click();
  await page.getByRole('article').waitFor();
};
async function openAppLock(page, more = 'More', entry = 'App lock…') {
  await page.getByRole('button', { name: more }).click();
  await page.getByRole('menuitem', { name: entry }).click();
}
const settings = (part) => async (page) => {
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('Control+,');
  await page.locator('nav button').nth(part).click();
  await page.locator('.sheet :is(section, [role=alert])').first().waitFor();
};
async function explain(page) {
  await open(page);
  await page.keyboard.press('j');
  await page.locator('summary').click();
  await page.locator('details li').first().waitFor();
}
const shots = [
  ...[0, 1, 2, 3].map((part) => ({
    name: `settings-${part}`,
    query: 'show=full',
    height: part < 2 ? 1100 : 700,
    act: settings(part),
  })),
  {
    name: 'settings-dark',
    query: 'show=full',
    height: 1100,
    colorScheme: 'dark',
    act: settings(0),
  },
  { name: 'settings-rules-dark', query: 'show=full', colorScheme: 'dark', act: settings(1) },
  { name: 'settings-contrast', query: 'show=full', contrast: 'more', act: settings(0) },
  {
    name: 'settings-narrow-chinese',
    query: 'show=chinese',
    width: 360,
    height: 1300,
    locale: 'zh-CN',
    act: settings(0),
  },
  {
    name: 'settings-rules-narrow-long',
    query: 'show=long',
    width: 360,
    height: 1500,
    act: settings(1),
  },
  { name: 'settings-scaled-200', query: 'show=full', scale: 2, act: settings(0) },
  {
    name: 'settings-offline',
    query: 'show=full',
    async act(page) {
      await settings(0)(page);
      await page.evaluate(() => window.fake.reach(false));
      await page.locator('#idle-after').press('ArrowRight');
      await page.getByRole('alert').waitFor();
    },
  },
  { name: 'settings-unreachable', query: 'show=full&offline', act: settings(0) },
  { name: 'why', query: 'show=full', act: explain },
  { name: 'why-dark', query: 'show=full', colorScheme: 'dark', act: explain },
  { name: 'why-narrow-chinese', query: 'show=chinese', width: 360, locale: 'zh-CN', act: explain },
  {
    name: 'why-offline',
    query: 'show=full&offline',
    async act(page) {
      await open(page);
      await page.locator('summary').click();
    },
  },
  { name: 'full-light', query: 'show=full', act: open },
  { name: 'full-dark', query: 'show=full', colorScheme: 'dark', act: open },
  { name: 'full-contrast', query: 'show=full', contrast: 'more', act: open },
  { name: 'none-selected', query: 'show=full' },
  { name: 'empty', query: 'show=empty' },
  { name: 'long', query: 'show=long', act: open },
  { name: 'chinese', query: 'show=chinese', locale: 'zh-CN', act: open },
  { name: 'offline', query: 'show=full&offline&paused', colorScheme: 'dark', act: open },
  { name: 'scaled-200', query: 'show=full', scale: 2, act: open },
  { name: 'narrow-list', query: 'show=full', width: 360 },
  { name: 'narrow-long', query: 'show=long', width: 360, act: open },
  { name: 'signed-out', query: 'show=signed-out' },
  { name: 'wrong-dark', query: 'show=wrong', colorScheme: 'dark' },
  { name: 'signing-in-chinese', query: 'show=signing-in', locale: 'zh-CN' },
  { name: 'locked', query: 'show=locked' },
  { name: 'locked-closed-dark', query: 'show=locked-closed', colorScheme: 'dark' },
  { name: 'app-lock', query: 'show=full', act: openAppLock },
  {
    name: 'app-lock-narrow-chinese',
    query: 'show=chinese',
    width: 360,
    locale: 'zh-CN',
    act: (page) => openAppLock(page, '更多', '应用锁…'),
  },
  { name: 'lost', query: 'show=lost' },
  { name: 'broken', query: 'show=broken' },
  {
    name: 'pill',
    query: 'show=full',
    async act(page) {
      await page.getByRole('option').nth(2).hover();
      await page.evaluate(() => [1, 2, 3].forEach(() => window.fake.arrive()));
      await page.getByRole('button', { name: '3 new' }).waitFor();
    },
  },
  { name: 'keys', query: 'show=full', act: (page) => page.keyboard.press('?') },
  {
    name: 'menu',
    query: 'show=full',
    act: (page) => page.getByRole('button', { name: 'More' }).click(),
  },
  {
    name: 'rich',
    query: 'show=full',
    async act(page) {
      await page.getByRole('option').nth(2).click();
      await page.getByRole('article').waitFor();
    },
  },
];

const site = await serve();
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
await mkdir(folder, { recursive: true });
for (const { name, query, act, width = 1000, height = 700, scale = 1, ...options } of shots) {
  // A window of the same size at twice the text: half as many CSS pixels.
  const context = await browser.newContext({
    viewport: { width: width / scale, height: height / scale },
    deviceScaleFactor: scale,
    ...options,
  });
  const page = await context.newPage();
  await page.goto(`${site.url}?${query}`);
  await page.locator('main').first().waitFor();
  await page.waitForTimeout(400);
  await act?.(page);
  await page.waitForTimeout(200);
  await page.screenshot({ path: `${folder}${name}.png` });
  await context.close();
}
await browser.close();
site.close();
