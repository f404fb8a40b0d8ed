-- The beginning of every script that changes a partition of the write queue. All its keys share a
-- slot.
-- writes: a Stream. The id of an entry is its place and '-0'. The fields are 'k' with the key, then
-- the kind of the write ('v', 'd' or 'o') with the payload, and 's' with the sequence number if
-- that differs from the place.
-- state: a hash with the number of partitions and the kind ('setup'), the highest number in use
-- ('last'), the size of the queue ('bytes') and of the quarantine ('dead', 'dead_bytes'). Also for
-- each key with a pending value, 'k' and the key: 'w' and its place or 'd' and its sequence number,
-- then its size. And for each key in quarantine, 'q' and the key: operations from this sequence
-- number on are held, up to which place they may still be in the queue, and up to which place none
-- is left.
-- quarantined: a sorted set of the keys in quarantine, by their oldest dead letter.
-- ids: a sorted set of the newest write ids, by sequence number.
local state, writes, quarantined, ids = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

-- Returns the name of the dead letters of a key, a sorted set by sequence number. A member has the
-- sequence number, the kind, the length of the error, the error and the payload.
local function dead_of(key)
  return string.sub(state, 1, -#'state' - 1) .. 'dead:' .. key
end

-- Returns the digits of a number. Lua's own conversion rounds.
local function digits(number)
  return string.format('%.0f', number)
end

-- Returns the write in an entry of the Stream, or nil if it is none of ours.
local function write_of(entry)
  local fields, place = entry[2], string.match(entry[1], '^(%d+)%-0$')
  local kind, payload = fields[3], fields[4]
  if not place or fields[1] ~= 'k' or not (kind == 'v' or kind == 'd' or kind == 'o') then
    return nil
  end
  local sequence = fields[5] == 's' and string.match(fields[6], '^%d+$') or place
  return { key = fields[2], kind = kind, payload = payload, sequence = sequence, place = place }
end

-- Returns the write at a place, or nil if there is none.
local function write_at(place)
  local entry = redis.call('XRANGE', writes, place .. '-0', place .. '-0')[1]
  return entry and write_of(entry)
end

-- Returns what the index says about a pending value: 'w' and its place or 'd' and its sequence
-- number, and its size.
local function index_of(text)
  local where, number, size = string.match(text or '', '^([wd])(%d+) (%d+)$')
  if where and #number <= 16 then
    return where, number, tonumber(size)
  end
end

local function size_of(write)
  return #write.key + #write.payload
end

-- Returns the write in a dead letter, or nil if it is none of ours.
local function dead_write(key, member)
  local sequence, kind, length, from = string.match(member, '^(%d+) ([vdo])(%d+) ()')
  if not sequence then
    return nil
  end
  local payload = string.sub(member, from + length)
  local message = string.sub(member, from, from + length - 1)
  return { key = key, kind = kind, payload = payload, sequence = sequence, message = message }
end

-- Adds to the counters of the state. They are never below zero, even if the state was lost.
local function count(bytes, dead, dead_bytes)
  local now = redis.call('HMGET', state, 'bytes', 'dead', 'dead_bytes')
  local function sum(index, change)
    return digits(math.max(0, (tonumber(now[index]) or 0) + change))
  end
  redis.call('HSET', state, 'bytes', sum(1, bytes), 'dead', sum(2, dead), 'dead_bytes', sum(3, dead_bytes))
end

-- Moves a write from the queue to the quarantine.
local function hold(write, message)
  local sequence = write.sequence
  local member = sequence .. ' ' .. write.kind .. #message .. ' ' .. message .. write.payload
  redis.call('ZADD', dead_of(write.key), sequence, member)
  redis.call('ZADD', quarantined, 'LT', sequence, write.key)
  redis.call('XDEL', writes, write.place .. '-0')
  if write.kind ~= 'o' then
    redis.call('HSET', state, 'k' .. write.key, 'd' .. sequence .. ' ' .. size_of(write))
  end
  count(-size_of(write), 1, size_of(write))
end

-- Returns the sequence number from which on operations of a key are held, the place up to which
-- they may still be in the queue, and up to which place none is left. All are nil if the key is not
-- in quarantine.
local function mark_of(key)
  local mark = redis.call('HGET', state, 'q' .. key)
  local from, place, swept = string.match(mark or '', '^(%d+) (%d+) (%d+)$')
  return tonumber(from), tonumber(place), tonumber(swept)
end

-- Holds operations of the key from the first dead letter on, or ends the quarantine of the key.
-- Returns whether it ended.
local function renew_mark(key, place, swept)
  local first = redis.call('ZRANGE', dead_of(key), 0, 0, 'WITHSCORES')
  if not first[2] then
    redis.call('HDEL', state, 'q' .. key)
    redis.call('ZREM', quarantined, key)
    return true
  end
  local from = digits(tonumber(first[2]))
  redis.call('HSET', state, 'q' .. key, from .. ' ' .. digits(place) .. ' ' .. digits(swept))
  redis.call('ZADD', quarantined, from, key)
  return false
end
