import MarkdownIt, { type Token } from 'markdown-it';

/** A piece of a body: `type` as markdown-it names it, without `_open`. */
export interface Node {
  type: string;
  token: Token;
  children: Node[];
}

/** Nobody writes deeper or more than this; drawing it would stop the window for a while. */
const MAX_DEPTH = 24;
const MAX_NODES = 5000;

// Raw HTML is text. Of the kept parsers this one stays fast on 64 KB of hostile input.
const parser = new MarkdownIt({ html: false, linkify: true });

/** A body as a tree that components draw; `null` when it is better shown as it is. */
export function parse(body: string): Node[] | null {
  const tree = new Tree();
  try {
    tree.add(parser.parse(body, {}));
  } catch (error) {
    if (error instanceof TooMuch) return null;
    throw error;
  }
  return tree.root.children;
}

/** The text of a node, markup removed. */
export function textOf({ type, token, children }: Node): string {
  if (type === 'softbreak' || type === 'hardbreak') return '\n';
  return children.length > 0 ? children.map(textOf).join('') : token.content;
}

class TooMuch extends Error {}

class Tree {
  root: Node = { type: 'root', token: null as unknown as Token, children: [] };
  #path = [this.root];
  #count = 0;

  add(tokens: Token[]): void {
    for (const token of tokens) {
      if (token.nesting === -1) this.#path.pop();
      else this.#open(token);
    }
  }

  #open(token: Token) {
    const node: Node = { type: token.type.replace(/_open$/, ''), token, children: [] };
    this.#path.at(-1)?.children.push(node);
    this.#count += 1;
    if (this.#count > MAX_NODES || this.#path.length > MAX_DEPTH) throw new TooMuch();
    if (token.nesting === 0 && !token.children?.length) return;
    this.#path.push(node);
    if (token.nesting === 1) return;
    this.add(token.children ?? []);
    this.#path.pop();
  }
}
