-- Announces an instance: notes its record and the time, and how far it is behind the end of the log.
-- Forgets instances that were not announced for a while, and the oldest ones if there are too many.
-- Returns how many instances there are.
-- ARGV: the id of the instance; its record; the incarnation and the last id that it has read; after
-- how many milliseconds an instance is forgotten; the maximum number of instances; the milliseconds
-- between two announcements of an instance.
local id, record = ARGV[1], ARGV[2]
local incarnation, position = ARGV[3], ARGV[4]
local kept, most, interval = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local AT_ONCE = 100

-- Returns the age of the first event that the instance has not read, or -1 if it is not known.
local function lag()
  local current = redis.pcall('GET', KEYS[4])
  if type(current) ~= 'string' or string.sub(current, 1, 32) ~= incarnation then
    return -1
  end
  local unread = redis.pcall('XRANGE', KEYS[3], '(' .. position, '+', 'COUNT', 1)
  if type(unread) ~= 'table' or unread.err then
    return -1
  end
  local first = unread[1] and string.match(unread[1][1], '^(%d+)-')
  return first and math.max(0, now - tonumber(first)) or 0
end

-- Returns the number of instances that still announce themselves. If there are more than are listed,
-- their number follows from the time in which so many were announced.
local function count_instances()
  local listed = #redis.call('ZRANGE', sights, now - 2.5 * interval, '+inf', 'BYSCORE')
  if listed < most then
    return listed
  end
  local oldest = redis.call('ZRANGE', sights, 0, 0, 'WITHSCORES')
  return math.max(listed, math.floor(most * interval / math.max(1, now - tonumber(oldest[2]))))
end

-- One of the keys alone is useless: it was evicted or written by another program.
if redis.call('TYPE', sights).ok ~= 'zset' or redis.call('TYPE', records).ok ~= 'hash' then
  redis.call('UNLINK', sights, records)
end
redis.call('ZADD', sights, now, id)
redis.call('HSET', records, id, string.format('%.0f ', lag()) .. record)
-- If the clock was set back, an instance may have been announced in the future.
forget(redis.call('ZRANGE', sights, '-inf', '(' .. now - kept, 'BYSCORE', 'LIMIT', 0, AT_ONCE))
forget(redis.call('ZRANGE', sights, '(' .. now + kept, '+inf', 'BYSCORE', 'LIMIT', 0, AT_ONCE))
forget(redis.call('ZRANGE', sights, 0, -most - 1))
redis.call('PEXPIRE', sights, kept)
redis.call('PEXPIRE', records, kept)
return count_instances()
