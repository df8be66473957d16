import { mount } from 'svelte';
import App from './App.svelte';
import type { Backend } from './backend/backend';
import './base.css';
import { locale } from './i18n';

async function backend(): Promise<Backend> {
  if (import.meta.env.MODE === 'production' || '__TAURI_INTERNALS__' in window) {
    return new (await import('./backend/tauri')).TauriBackend();
  }
  return new (await import('./backend/fake')).FakeBackend(new URLSearchParams(location.search));
}

document.documentElement.lang = locale;
const target = document.getElementById('app');
if (target) mount(App, { target, props: { backend: await backend() } });
