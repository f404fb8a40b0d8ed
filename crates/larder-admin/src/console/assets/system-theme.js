/**
 * The theme until `theme.js` runs: that of the system.
 *
 * This is no module, so the browser runs it before it draws anything.
 */

document.documentElement.dataset.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
