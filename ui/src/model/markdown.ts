import type { Definition, Nodes, PhrasingContent, Root } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';

/** Deeper nesting than this is drawn as its text: no hostile body makes the page recurse forever. */
const MAX_DEPTH = 24;

/** A body as a tree that components draw. Raw HTML in it stays text; `null`: draw it as it is. */
export function parse(body: string): Root | null {
  try {
    const root = fromMarkdown(body, {
      extensions: [gfm()],
      mdastExtensions: [gfmFromMarkdown()],
    });
    resolve(root, definitions(root), 0);
    return root;
  } catch {
    // The parser recurses too, and gives up on absurd nesting.
    return null;
  }
}

/** The text of a node, markup removed. */
export function textOf(node: Nodes): string {
  if ('value' in node) return node.value;
  if ('alt' in node) return node.alt ?? '';
  return 'children' in node ? node.children.map(textOf).join('') : '';
}

function definitions(root: Root): Map<string, Definition> {
  const found = root.children.filter((node) => node.type === 'definition');
  return new Map(found.toReversed().map((node) => [node.identifier, node]));
}

/** Replaces references by what they refer to, and what is nested too deeply by its text. */
function resolve(node: Nodes, found: Map<string, Definition>, depth: number): void {
  if (!('children' in node)) return;
  const children = node.children as Nodes[];
  children.forEach((child, index) => {
    if (depth > MAX_DEPTH) {
      children[index] = { type: 'text', value: textOf(child) };
      return;
    }
    if (child.type === 'linkReference' || child.type === 'imageReference') {
      children[index] = referred(child, found.get(child.identifier));
    }
    resolve(children[index] ?? child, found, depth + 1);
  });
}

function referred(
  node: Extract<Nodes, { type: 'linkReference' | 'imageReference' }>,
  definition: Definition | undefined,
): PhrasingContent {
  if (!definition) return { type: 'text', value: textOf(node) };
  const { url } = definition;
  return node.type === 'linkReference'
    ? { type: 'link', url, children: node.children }
    : { type: 'image', url, alt: node.alt ?? '' };
}
