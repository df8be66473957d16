import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../dist-fake/', import.meta.url));
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/** The policy the window's page lives under, so that what breaks it breaks here too. */
async function policy() {
  const config = await readFile(new URL('../../tauri.conf.json', import.meta.url), 'utf8');
  const directives = Object.entries(JSON.parse(config).app.security.csp);
  return directives.map(([name, value]) => `${name} ${value}`).join('; ');
}

/** Serves the built page with the fake backend on a port of its own. */
export async function serve() {
  const csp = await policy();
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname;
    const file = join(root, normalize(path === '/' ? '/index.html' : path));
    const body = await readFile(file).catch(() => null);
    response.writeHead(body ? 200 : 404, {
      'content-type': types[extname(file)] ?? 'application/octet-stream',
      'content-security-policy': csp,
    });
    response.end(body ?? '');
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}
