// The built page with the fake backend in a real Chromium, under the window's own content security
// policy: every state passes axe-core, and the keyboard alone is enough.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { serve } from './served.js';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const states = [
  'show=full',
  'show=full&offline&paused&notice=disk_full',
  'show=empty',
  'show=long',
  'show=chinese',
  'show=broken',
  'show=lost',
  'show=starting',
  'show=signed-out',
  'show=signing-in',
  'show=wrong',
  'show=locked',
  'show=locked-wrong',
  'show=locked-closed',
];

let browser;
let site;

before(async () => {
  site = await serve();
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
});

after(async () => {
  await browser?.close();
  site?.close();
});

async function open(query, options = {}) {
  // axe is put into the page by the driver, which the page's own policy would refuse.
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options });
  const page = await context.newPage();
  const troubles = [];
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (said) => said.type() === 'error' && troubles.push(said.text()));
  page.on('request', (request) => {
    if (!request.url().startsWith(site.url) && !request.url().startsWith('data:')) {
      troubles.push(`asked the network for ${request.url()}`);
    }
  });
  await page.goto(`${site.url}?${query}`);
  await page.locator('main').first().waitFor();
  return { page, troubles, close: () => context.close() };
}

const sent = (page, type) =>
  page.evaluate((wanted) => window.fake.sent.filter((command) => command.type === wanted), type);
const until = (page, check, argument) => page.waitForFunction(check, argument, { timeout: 10_000 });

async function violations(page) {
  if (!(await page.evaluate(() => 'axe' in window)))
    await page.evaluate(await readFile(axe, 'utf8'));
  const { violations: found } = await page.evaluate(() => window.axe.run());
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(' ')}`);
}

for (const colorScheme of ['light', 'dark']) {
  for (const state of states) {
    test(`axe finds nothing: ${state}, ${colorScheme}`, async () => {
      const { page, troubles, close } = await open(state, { colorScheme });
      const row = page.getByRole('option').first();
      if (/full|long|chinese/.test(state)) {
        await row.click();
        await page.getByRole('article').waitFor();
      }
      assert.deepEqual(await violations(page), []);
      assert.deepEqual(troubles, []);
      await close();
    });
  }
}

const openSettings = async (page, part) => {
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('Control+,');
  await page.getByRole('heading', { name: 'Settings' }).waitFor();
  if (part) await page.getByRole('navigation').getByRole('button', { name: part }).click();
};
const chosen = (page) => page.evaluate(() => window.fake.settings);
const saved = (page) => page.getByRole('status').getByText('Saved', { exact: true }).waitFor();

for (const colorScheme of ['light', 'dark']) {
  for (const part of ['Attention', 'Rules', 'This computer', 'Diagnostics']) {
    test(`axe finds nothing in the settings: ${part}, ${colorScheme}`, async () => {
      const { page, troubles, close } = await open('show=full', { colorScheme });
      await openSettings(page, part);
      await page.locator('.sheet section h2').first().waitFor();
      assert.deepEqual(await violations(page), []);
      if (part === 'Attention') {
        await page.evaluate(() => window.fake.reach(false));
        await page.getByLabel('Without input for').press('ArrowRight');
        await page.getByRole('alert').waitFor();
        assert.deepEqual(await violations(page), []);
      }
      assert.deepEqual(troubles, []);
      await close();
    });
  }
}

test('keys alone change settings, and each change is saved at once', async () => {
  const { page, troubles, close } = await open('show=full&chosen=none');
  await openSettings(page);
  await page.getByLabel('Without input for').focus();
  for (const key of ['Home', 'ArrowRight', 'ArrowRight', 'ArrowRight']) {
    await page.keyboard.press(key);
  }
  await page.getByText('After 30 seconds without keyboard or mouse').waitFor();
  await saved(page);
  assert.equal((await chosen(page)).idle_after_ms, 30_000);

  await page.getByRole('button', { name: 'Add a quiet time' }).press('Enter');
  await page.getByLabel('From').focus();
  await page.keyboard.type('2130');
  await page.keyboard.press('Tab');
  await page.keyboard.type('half past six');
  await page.keyboard.press('Tab');
  await page.getByRole('alert').getByText('Write a time of day like 22:00.').waitFor();
  assert.equal(await page.getByLabel('To', { exact: true }).inputValue(), 'half pas');
  await page.getByLabel('To', { exact: true }).fill('6.30');
  await page.keyboard.press('Tab');
  await page.getByRole('button', { name: 'Sun' }).press('Space');
  await until(page, () => window.fake.settings.quiet_times?.[0].days?.length === 6);
  const { quiet_times, time_zone } = await chosen(page);
  assert.equal(quiet_times[0].from, '21:30:00');
  assert.equal(quiet_times[0].to, '06:30:00');
  assert.equal(
    time_zone,
    await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone),
  );

  await page.getByRole('button', { name: 'Until I turn it off' }).press('Enter');
  await page.getByText('On until you turn it off.').waitFor();
  await until(page, () => window.fake.settings.do_not_disturb === 'on');

  await page.keyboard.press('Escape');
  await page.getByRole('heading', { name: 'Settings' }).waitFor({ state: 'detached' });
  await page.keyboard.press('j');
  await page.getByRole('article').waitFor();
  assert.deepEqual(troubles, []);
  await close();
});

test('rules: who rings where, and single publishers', async () => {
  const { page, close } = await open('show=full&chosen=none');
  await openSettings(page, 'Rules');
  await page.getByLabel('Nothing rings until I return, except what is urgent').check();
  await page.getByLabel('My phone rings; nothing pops up').check();
  await page.getByLabel('High').selectOption({ label: 'That screen, and my phone' });
  await page.getByLabel('Publisher to add').selectOption({ label: 'Reading list' });
  await page.getByLabel('At most').selectOption({ label: 'Low' });
  await page.getByLabel('My phone as well').check();
  await page.getByLabel('Publishers may see').check();
  await until(page, () => window.fake.settings.read_receipts);
  const kept = await chosen(page);
  assert.equal(kept.when_away, 'hold');
  assert.equal(kept.priorities.high, 'phone_too');
  assert.deepEqual(Object.values(kept.publishers), [{ loudest: 2, phone_too: true }]);
  await page.getByRole('button', { name: 'Treat Reading list like all others' }).click();
  await until(page, () => Object.keys(window.fake.settings.publishers).length === 0);
  await close();
});

test('offline nothing typed is lost, and it is saved when the server is back', async () => {
  const { page, close } = await open('show=full');
  await openSettings(page);
  await page.getByLabel('Without input for').waitFor();
  await page.evaluate(() => window.fake.reach(false));
  await page.getByLabel('Without input for').press('Home');
  await page.getByRole('alert').getByText('Not saved:').waitFor();
  await page.keyboard.press('Escape');
  await page.getByText('Changes of your settings are not saved yet').waitFor();
  await page.evaluate(() => window.fake.reach(true));
  await page.getByText('Changes of your settings are not saved yet').waitFor({ state: 'detached' });
  await until(page, () => window.fake.settings.idle_after_ms === 10_000);
  await close();
});

test('a change on another device appears, and a difference is settled by the person', async () => {
  const { page, close } = await open('show=full');
  await openSettings(page);
  await page.getByLabel('Without input for').waitFor();
  await page.evaluate(() => window.fake.changeElsewhere({ idle_after_ms: 60_000 }));
  await page.getByText('After 1 minute without keyboard or mouse').waitFor();
  await page.evaluate(() => {
    // Before this page heard of it.
    window.fake.settings.idle_after_ms = 600_000;
  });
  await page.getByLabel('Without input for').press('ArrowRight');
  await page.getByRole('alert').getByText('changed on another device').waitFor();
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await until(page, () => window.fake.settings.idle_after_ms === 90_000);
  await close();
});

test('a difference is told outside the settings too', async () => {
  const { page, close } = await open('show=full');
  await openSettings(page);
  await page.getByLabel('Without input for').waitFor();
  await page.evaluate(() => {
    window.fake.settings.idle_after_ms = 600_000;
  });
  await page.getByLabel('Without input for').press('Home');
  await page.keyboard.press('Escape');
  const banner = page.getByRole('status').filter({ hasText: 'changed on another device too' });
  await banner.waitFor();
  assert.deepEqual(await violations(page), []);
  await banner.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('button', { name: 'Take those' }).click();
  await page.getByText('After 10 minutes without keyboard or mouse').waitFor();
  await page.keyboard.press('Escape');
  await banner.waitFor({ state: 'detached' });
  await close();
});

test('what was just changed is saved when the page or the window is left', async () => {
  const { page, close } = await open('show=full&chosen=none');
  await openSettings(page);
  await page.getByLabel('Without input for').waitFor();
  const wanted = (leave) =>
    page.evaluate((how) => {
      const slider = document.querySelector('#idle-after');
      slider.stepUp();
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      const before = window.fake.asked.length;
      if (how === 'window') window.dispatchEvent(new Event('pagehide'));
      else window.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }));
      return window.fake.asked.slice(before).map((query) => query.to?.idle_after_ms);
    }, leave);
  assert.deepEqual(await wanted('window'), [240_000]);
  await saved(page);
  assert.deepEqual(await wanted('page'), [300_000]);
  await close();
});

test('a message that is asked for leaves the settings, and what is typed there counts', async () => {
  const { page, close } = await open('show=full&chosen=none');
  await openSettings(page);
  await page.getByRole('button', { name: 'Add a quiet time' }).click();
  await saved(page);
  await page.getByLabel('From').focus();
  await page.keyboard.type('2130');
  const kept = await page.evaluate(async () => {
    const before = window.fake.asked.length;
    window.fake.show('019a0000-0000-7000-8000-000000000001');
    // At once, not after the time in which changes are gathered.
    await new Promise((done) => setTimeout(done, 50));
    return window.fake.asked.slice(before).map((query) => query.to?.quiet_times?.[0].from);
  });
  assert.ok(kept.includes('21:30:00'), String(kept));
  await page.getByRole('heading', { name: 'Settings' }).waitFor({ state: 'detached' });
  await close();
});

test('messages that arrive ask the server for nothing', async () => {
  const { page, close } = await open('show=full');
  const questions = () =>
    page.evaluate(() =>
      window.fake.asked.map(({ type }) => type).filter((type) => /settings|trace/.test(type)),
    );
  await openSettings(page);
  await page.getByLabel('Without input for').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('option').first().click();
  // Once more when it is read.
  await until(page, () => window.fake.sent.some((command) => command.type === 'mark_read'));
  await page.waitForTimeout(400);
  const before = await questions();
  assert.ok(before.includes('settings') && before.includes('trace'));
  for (const name of ['one', 'two', 'three']) {
    await page.evaluate((title) => window.fake.arrive(title), name);
    await page.waitForTimeout(250);
  }
  assert.deepEqual(await questions(), before);
  await close();
});

test('why a message alerted here is one line, and the whole story on demand', async () => {
  const { page, close } = await open('show=full');
  await page.getByRole('option').first().click();
  const article = page.getByRole('article');
  const line = (text) => article.locator('summary').getByText(text).waitFor();
  await line('Alerted on this computer: you were there, last input 4 sec ago');
  await page.keyboard.press('j');
  await line("Alerted on Ada's phone: you had left before it came up elsewhere");
  await page.keyboard.press('w');
  await article.getByText('this computer: locked, last input 3 min, 12 sec ago').waitFor();
  assert.deepEqual(await violations(page), []);
  await close();
});

test('two phones of the same name are told both', async () => {
  const { page, troubles, close } = await open('show=full');
  await page.evaluate(() => (window.fake.twins = true));
  await page.getByRole('option').first().click();
  const article = page.getByRole('article');
  await article.getByText('Alerted on this computer').click();
  await article.locator('.fact').nth(1).waitFor();
  const facts = await article.locator('li').first().locator('.fact').allTextContents();
  assert.equal(facts.length, 2);
  assert.equal(facts[0], facts[1]);
  await page.keyboard.press('j');
  await article.locator('summary').getByText("Alerted on Ada's phone").waitFor();
  assert.deepEqual(troubles, []);
  await close();
});

test('a message that cannot be read says why and is tried again', async () => {
  const { page, troubles, close } = await open('show=full');
  await page.getByRole('option').nth(1).waitFor();
  await page.evaluate(() => (window.fake.broken = true));
  await page.getByRole('option').first().click();
  const pane = page.locator('section');
  await pane.getByText('database disk image is malformed').waitFor();
  assert.deepEqual(await violations(page), []);
  await page.evaluate(() => (window.fake.broken = false));
  await pane.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('article').waitFor();
  assert.deepEqual(troubles, []);
  await close();
});

test('offline the window says that it cannot know why, and what it knows itself', async () => {
  const { page, close } = await open('show=full&offline');
  await page.getByRole('option').first().click();
  const article = page.getByRole('article');
  await article.getByText('Why it alerted where it did is not known right now').click();
  await article.getByText('does not answer').waitFor();
  await article.getByText('Known on this computer: sent').waitFor();
  // Being read asks once more.
  await until(page, () => window.fake.asked.filter(({ type }) => type === 'trace').length === 2);
  await page.waitForTimeout(200);
  await page.evaluate(() => window.fake.reach(true));
  await article.locator('summary').getByText('Alerted on this computer').waitFor();
  // What is known stays when the server goes away again.
  await page.evaluate(() => window.fake.reach(false));
  await page.waitForTimeout(400);
  await article.locator('summary').getByText('Alerted on this computer').waitFor();
  await close();
});

test('an app lock is set, locked, opened, changed and removed', async () => {
  const { page, troubles, close } = await open('show=full');
  const dialog = page.getByRole('dialog', { name: 'App lock' });
  const openDialog = async () => {
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'App lock…' }).click();
    await dialog.waitFor();
  };

  await openDialog();
  await page.getByLabel('New passphrase').fill('1234');
  await page.getByLabel('The same again').fill('1235');
  await page.getByRole('button', { name: 'Set app lock' }).click();
  await page.getByRole('alert').filter({ hasText: 'not the same' }).waitFor();
  await page.getByLabel('The same again').fill('1234');
  await page.getByLabel('Lock by itself').selectOption({ label: 'After 5 minutes without input' });
  await page.getByRole('button', { name: 'Set app lock' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.deepEqual(await sent(page, 'set_app_lock'), [
    { type: 'set_app_lock', passphrase: '1234', when: { after_s: 300, with_screen: true } },
  ]);

  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Lock now' }).click();
  await page.getByRole('heading', { name: 'Locked' }).waitFor();
  assert.equal(await page.getByRole('option').count(), 0);
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'not the passphrase' }).waitFor();
  await page.keyboard.type('1234');
  await page.keyboard.press('Enter');
  await page.getByRole('option').first().waitFor();

  await openDialog();
  await page.getByLabel('Passphrase or PIN').fill('wrong');
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('alert').filter({ hasText: 'not the passphrase' }).waitFor();
  await page.getByLabel('Passphrase or PIN').fill('1234');
  await page.getByRole('button', { name: 'Remove' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.deepEqual(troubles, []);
  await close();
});

test('keys alone move, open, filter, mark and close', async () => {
  const { page, close } = await open('show=full');
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('j');
  await page.getByRole('heading', { name: 'Nightly build finished' }).waitFor();
  await page.keyboard.press('j');
  await page.getByRole('heading', { name: 'Disk on db-2' }).waitFor();
  await page.keyboard.press('k');
  await page.getByRole('heading', { name: 'Nightly build finished' }).waitFor();
  await page.keyboard.press('u');
  await page.getByRole('button', { name: 'Unread only', pressed: true }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  // The element itself: a closed dialog has lost its role before the page knows.
  await page.locator('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('Shift+A');
  await page.getByText('All read').waitFor();
  await close();
});

/** Time stands still from now on, but for what `page.clock.runFor` lets pass. */
async function stopTime(page) {
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000);
}

test('a message in sight of a focused window is read after half a second, not before', async () => {
  const { page, close } = await open('show=full');
  await page.getByRole('option').first().waitFor();
  await stopTime(page);
  await page.getByRole('option').first().click();
  await page.clock.runFor(50);
  await page.getByRole('article').waitFor();
  await page.clock.runFor(350);
  assert.deepEqual(await sent(page, 'mark_read'), []);
  await page.clock.runFor(200);
  assert.equal((await sent(page, 'mark_read')).length, 1);
  await page.locator('[role=option][aria-selected=true] .row:not(.unread)').waitFor();
  await close();
});

test('a message passed over within half a second stays unread', async () => {
  const { page, close } = await open('show=full');
  await page.getByRole('option').first().waitFor();
  await stopTime(page);
  for (const key of ['j', 'j', 'j']) {
    await page.keyboard.press(key);
    await page.clock.runFor(100);
  }
  await page.clock.runFor(1000);
  const marked = (await sent(page, 'mark_read')).flatMap(({ ids }) => ids);
  assert.equal(marked.length, 1, 'only the one it stopped at');
  await close();
});

test('new rows wait behind a pill while the person is in the list', async () => {
  const { page, close } = await open('show=full');
  await page.getByRole('option').nth(2).hover();
  const first = await page.getByRole('option').first().textContent();
  await page.evaluate(() => [1, 2, 3].forEach((n) => window.fake.arrive(`Arrived ${n}`)));
  await page.getByRole('button', { name: '3 new messages' }).waitFor();
  assert.equal(await page.getByRole('option').first().textContent(), first);
  await page.getByRole('button', { name: '3 new messages' }).click();
  await page.getByRole('option', { name: 'Arrived 3' }).waitFor();
  await close();
});

test('new rows appear by themselves while nobody is in the list, and leave when withdrawn', async () => {
  const { page, close } = await open('show=full');
  await page.getByRole('option').first().waitFor();
  await page.mouse.move(900, 300);
  await page.evaluate(() => window.fake.arrive('Arrived alone'));
  await page.getByRole('option', { name: 'Arrived alone' }).waitFor();
  await page.evaluate(() => window.fake.withdraw());
  await page.getByRole('option', { name: 'Arrived alone' }).waitFor({ state: 'detached' });
  await close();
});

test('ten thousand rows scroll with few elements', async () => {
  const { page, close } = await open('show=full');
  await page.getByRole('option').first().waitFor();
  const oldest = '#row-019a0000-0000-7000-8000-000000000001';
  for (let turn = 0; turn < 400; turn += 1) {
    const before = await page.evaluate(() => {
      const list = document.querySelector('[role=listbox]');
      list.scrollTop = list.scrollHeight;
      return list.scrollHeight;
    });
    if (await page.locator(oldest).count()) break;
    await until(
      page,
      ([height, id]) =>
        document.querySelector('[role=listbox]').scrollHeight > height ||
        document.querySelector(id),
      [before, oldest],
    );
  }
  await page.locator(oldest).waitFor();
  assert.ok((await page.getByRole('option').count()) < 60);
  await close();
});

test('foreign text stays text, links say where they lead, pictures stay off', async () => {
  const { page, troubles, close } = await open('show=full');
  await page.getByRole('option').first().click();
  const body = page.getByRole('article');
  await body.getByText("<script>alert('text, not code')</script>").waitFor();
  await body.getByText('(ci.example.org)').waitFor();
  await body.getByText('Picture from tracker.example.net, not loaded').waitFor();
  assert.equal(await body.locator('script, img, iframe').count(), 0);
  await body.getByRole('link', { name: 'the log' }).click();
  assert.deepEqual(await page.evaluate(() => window.fake.opened), [
    'https://ci.example.org/runs/4821',
  ]);
  assert.deepEqual(troubles, []);
  await close();
});

test('signing in: what is missing is said, a wrong password too, then the inbox', async () => {
  const { page, close } = await open('show=signed-out');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText("Type the server's address.").waitFor();
  await page.keyboard.type('push.example.org');
  await page.getByLabel('Account').fill('ada');
  await page.getByLabel('Password').fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByText('Signing in…').waitFor();
  await page.getByRole('alert').getByText('Name or password is not right.').waitFor();
  await page.getByLabel('Password').fill('right');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
  await close();
});

test('the language of the person', async () => {
  const { page, close } = await open('show=chinese', { locale: 'zh-CN' });
  await page.getByRole('heading', { name: '收件箱' }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
  await close();
});

for (const width of [360, 1000]) {
  test(`nothing is wider than a window of ${width} pixels`, async () => {
    for (const part of ['Attention', 'Rules', 'This computer', 'Diagnostics']) {
      const { page, close } = await open('show=long', { viewport: { width, height: 640 } });
      await openSettings(page, part);
      await page.locator('.sheet section').first().waitFor();
      const wide = await page.evaluate(() =>
        [document.documentElement, ...document.querySelectorAll('main')].some(
          (e) => e.scrollWidth > e.clientWidth,
        ),
      );
      assert.equal(wide, false, part);
      await close();
    }
    for (const state of [
      'show=full',
      'show=long',
      'show=signed-out',
      'show=wrong',
      'show=full&offline',
    ]) {
      const { page, close } = await open(state, { viewport: { width, height: 640 } });
      const row = page.getByRole('option').first();
      if (!/signed|wrong/.test(state)) {
        await row.click();
        await page.getByRole('article').waitFor();
      }
      const wide = await page.evaluate(() => {
        const reading = document.querySelector('[role=article]');
        return [document.documentElement, reading].some((e) => e && e.scrollWidth > e.clientWidth);
      });
      assert.equal(wide, false, state);
      await close();
    }
  });
}
