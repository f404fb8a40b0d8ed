-- Drops a dead letter. Returns '1' if it was there, or '0'.
-- KEYS: state, writes, quarantined, ids. ARGV: the key; the sequence number.
local key, sequence = ARGV[1], ARGV[2]
local _, place, swept = mark_of(key)
local member = redis.call('ZRANGE', dead_of(key), sequence, sequence, 'BYSCORE')[1]
local write = member and dead_write(key, member)
if not place or not write then
  return '0'
end
redis.call('ZREM', dead_of(key), member)
if write.kind ~= 'o' then
  redis.call('HDEL', state, 'k:' .. key)
end
count({ dead = -1, dead_bytes = -size_of(write) })
renew_mark(key, place, swept)
return '1'
