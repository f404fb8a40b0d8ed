/** The settings of a policy. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { bytes, duration } from '../format.js';
import { Pairs } from './pairs.js';
import { Tags } from './tags.js';

export const Policy = ({ policy }) => html`
  <${Pairs} list=${[
    ['Name', policy.name],
    ['Class', policy.class],
    ['Lifetime', duration(policy.ttl_seconds)],
    ['Stale while revalidate', duration(policy.stale_while_revalidate_seconds)],
    ['Stale if error', duration(policy.stale_if_error_seconds)],
    ['Key', policy.key.source],
    ['Query', policy.key.query],
    ['Header fields in the key', policy.key.headers.join(', ')],
    ['Cookies in the key', policy.key.cookies.join(', ')],
    ['Partition', policy.key.partition],
    ['Ignored cookies', policy.ignored_cookies.join(', ')],
    ['Tags', policy.tags.length > 0 && html`<${Tags} list=${policy.tags} />`],
    ['Invalidates', policy.invalidates.join(', ')],
    ['Largest body', bytes(policy.max_body)],
    ['Limit of a fill', duration(policy.fill_timeout_seconds)],
    ['Also', flags(policy).join(', ')],
  ].filter(([, value]) => value)} />
`;

const flags = (policy) =>
  [
    [policy.ignores_cookies, 'ignores cookies'],
    [policy.shares_authorized, 'shares responses to authorized requests'],
    [policy.honors_requests, 'honours directives of requests'],
    [policy.requires_permission, 'responses must permit storing'],
  ]
    .filter(([isSet]) => isSet)
    .map(([, text]) => text);
