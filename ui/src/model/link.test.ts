import { expect, test } from 'vitest';
import { link, names } from './link';

test.each([
  ['https://example.org/a', 'example.org'],
  ['http://user:secret@evil.example/', 'evil.example'],
  ['https://bank.example.evil.example:8443/x', 'bank.example.evil.example:8443'],
  // A host that only looks like another one is shown as the network knows it.
  ['https://аpple.com/', 'xn--pple-43d.com'],
  ['mailto:ada@example.org?subject=x', 'ada@example.org'],
])('%s leads to %s', (address, host) => {
  expect(link(address)?.host).toBe(host);
});

test.each(['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', '/path', 'x', ''])(
  '%s is no link',
  (address) => {
    expect(link(address)).toBeNull();
  },
);

test('a text that says where it leads is not said twice', () => {
  const target = { url: 'https://example.org/', host: 'example.org' };
  expect(
    ['example.org', 'https://example.org', ' HTTPS://example.org/ '].map((text) =>
      names(text, target),
    ),
  ).toEqual([true, true, true]);
  expect(names('https://bank.example', target)).toBe(false);
});
