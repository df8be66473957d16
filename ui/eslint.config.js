import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';

export default ts.config(
  { ignores: ['dist/', 'dist-fake/', 'node_modules/', 'src/backend/types.ts'] },
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser } } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  { files: ['tests/**/*.js'], languageOptions: { globals: { ...globals.node } } },
  {
    rules: {
      // What comes from outside is drawn as text and components, never as markup.
      'svelte/no-at-html-tags': 'error',
      // Set through the CSSOM (style:top), which the content security policy allows; no style attributes.
      'svelte/no-inline-styles': 'off',
      // Only tauri.ts knows that there is a Tauri.
      'no-restricted-imports': ['error', { patterns: ['@tauri-apps/*'] }],
    },
  },
  { files: ['src/backend/tauri.ts'], rules: { 'no-restricted-imports': 'off' } },
);
