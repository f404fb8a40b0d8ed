-- Replaces the record of the switches, if it still has the version that the new one is made from.
-- The record begins with its version and a line feed. ARGV: the version that is replaced, or '' for
-- no record, and the new record. It does not expire, so that no policy `volatile-*` evicts it.
local record = redis.call('GET', KEYS[1])
local version = record and (string.match(record, '^(%d+)\n') or 'unreadable') or ''
-- An unreadable record is worth nothing, so any new one replaces it.
if version ~= ARGV[1] and version ~= 'unreadable' then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
