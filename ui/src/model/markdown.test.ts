import { expect, test } from 'vitest';
import { parse, textOf, type Node } from './markdown';

const all = (nodes: readonly Node[]): Node[] =>
  nodes.flatMap((node) => [node, ...all(node.children)]);
const types = (body: string) => all(parse(body) ?? []).map(({ type }) => type);
const text = (body: string) => (parse(body) ?? []).map(textOf).join('\n');

test('blocks and spans become nodes', () => {
  expect(types('# a\n\n- **b** _c_ ~~d~~ `e`\n\n> f\n\n---\n\n|g|\n|-|\n|h|')).toEqual(
    expect.arrayContaining([
      ...['heading', 'bullet_list', 'list_item', 'strong', 'em', 's', 'code_inline'],
      ...['blockquote', 'hr', 'table', 'th', 'td'],
    ]),
  );
});

test('raw HTML stays text', () => {
  const body = 'a <b onclick=x> c\n\n<script>alert(1)</script>';
  expect(types(body)).not.toEqual(expect.arrayContaining([expect.stringContaining('html')]));
  expect(text(body)).toContain('<script>alert(1)</script>');
});

test('entities and references are resolved', () => {
  expect(text('&lt;b&gt; &amp;amp;')).toBe('<b> &amp;');
  const links = all(parse('[text][a]\n\n[a]: https://example.org') ?? []);
  expect(links.find(({ type }) => type === 'link')?.token.attrGet('href')).toBe(
    'https://example.org',
  );
});

const times = (count: number, part: string) => part.repeat(count);

test.each([
  ['quotes', times(65_000, '>')],
  ['lists', Array.from({ length: 300 }, (_, n) => `${times(n, '  ')}- a`).join('\n')],
  ['lists in one line', times(32_000, '- ')],
  ['list items', times(16_000, '* a\n')],
  ['brackets', times(65_000, '[')],
  ['links', times(16_000, '[a](')],
  ['link titles', times(9000, '[a](b "')],
  ['nested links', times(5000, '[[[[') + times(10_000, '](b)')],
  ['stars', times(21_000, '*a_')],
  ['strikes', times(20_000, '~~a')],
  ['backticks', Array.from({ length: 350 }, (_, n) => `${times(n, '`')}a`).join('')],
  ['pictures', times(21_000, '![a')],
  ['addresses', times(9000, 'http://')],
  ['mail addresses', times(10_000, 'a@b.c ')],
  ['references', times(9000, '[a]: b\n')],
  ['table rows', `${times(200, '|a')}\n${times(200, '|-')}\n${times(30_000, '|\n')}`],
])('64 KB of %s are parsed at once, or shown as they are', (_, body) => {
  const begun = performance.now();
  const nodes = parse(body.slice(0, 64 * 1024));
  // Hundreds of times more than it takes; what is not linear takes minutes.
  expect(performance.now() - begun).toBeLessThan(20_000);
  expect(all(nodes ?? []).length).toBeLessThanOrEqual(5000);
});
