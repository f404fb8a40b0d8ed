/** The options of a collection of values. */

import { html } from '../../vendor/htm-preact-standalone.module.js';
import { bytes, count, duration } from '../format.js';
import { Pairs } from './pairs.js';

export const CollectionPolicy = ({ policy }) => html`
  <${Pairs} list=${[
    ['Name', policy.name],
    ['Lifetime', duration(policy.ttl_seconds)],
    ['Lifetime of absences', optional(policy.negative_ttl_seconds) ?? 'not stored'],
    ['Lifetime of errors', optional(policy.error_ttl_seconds)],
    ['Stale while revalidate', duration(policy.stale_while_revalidate_seconds)],
    ['Stale if error', duration(policy.stale_if_error_seconds)],
    ['Limit of a load', duration(policy.load_timeout_seconds)],
    ['Memory', bytes(policy.max_memory_bytes)],
    ['Largest shared value', bytes(policy.max_value_bytes)],
    ['Schema', String(policy.schema)],
    ['Also', flags(policy).join(', ')],
    ...writes(policy.write_behind),
  ].filter(([, value]) => value)} />
`;

const optional = (seconds) => (seconds === null ? undefined : duration(seconds));

const flags = (policy) =>
  [
    [policy.has_loader, 'has a loader'],
    [policy.has_tags, 'has tags'],
    [policy.has_invalidations, 'writes invalidate more than the value'],
  ]
    .filter(([isSet]) => isSet)
    .map(([, text]) => text);

const writes = (options) =>
  options === null
    ? []
    : [
        ['Writes', options.is_in_process ? 'queued in this process' : 'queued'],
        ['Durability', options.durability],
        ['Partitions', `${count(options.partitions)}, each up to ${count(options.max_queued)} writes and ${bytes(options.max_queued_bytes)}`],
        ['Batch', `up to ${count(options.max_batch)} writes, ${count(options.max_attempts)} attempts of ${duration(options.flush_timeout_seconds)}`],
      ];
