/** The login: the only page without a token. */

import { html, useEffect, useRef, useState } from '../../vendor/htm-preact-standalone.module.js';
import { identify } from '../api.js';
import { begin, endReason } from '../session.js';
import { useStore } from '../store.js';

export function Login() {
  const reason = useStore(endReason);
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const field = useRef(null);
  useEffect(() => {
    document.title = 'Log in · Larder console';
    field.current.focus();
    addEventListener('pagehide', forget);
    return () => removeEventListener('pagehide', forget);
  }, []);

  /** A browser may keep a page that is left, with the text in its fields. */
  function forget() {
    field.current.value = '';
  }

  async function logIn(event) {
    event.preventDefault();
    const token = field.current.value.trim();
    setBusy(true);
    setError('');
    try {
      begin(token, await identify(token));
    } catch (failure) {
      setBusy(false);
      setError(textOf(failure));
      field.current.focus();
    }
  }

  return html`
    <main id="content" data-page="login" class="login">
      <h1 tabindex="-1">Larder console</h1>
      ${reason && html`<p class="notice warning" role="alert">${reason}</p>`}
      <form onSubmit=${logIn}>
        <label for="token">Token</label>
        <input id="token" ref=${field} type="password" required autocomplete="off" spellcheck=${false}
          aria-describedby="token-help" aria-invalid=${error ? 'true' : null} />
        <p id="token-help" class="help">A token of the admin router. It stays in the memory of this page.</p>
        <button type="submit" class="primary" disabled=${isBusy}>Log in</button>
      </form>
      ${error && html`<p class="notice bad" role="alert" data-figure="login-error">${error}</p>`}
    </main>
  `;
}

function textOf(failure) {
  if (failure.word === 'ended') return '';
  if (failure.status === 401) return 'This token is not known.';
  if (failure.status === 429) return `Too many attempts. ${failure.message}.`;
  return failure.message;
}
