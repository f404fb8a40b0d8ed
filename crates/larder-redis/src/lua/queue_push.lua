-- Pushes a write. Returns 'queued' with the sequence number and the time, 'duplicate' with the
-- sequence number, or 'full'. Returns 'other' with the setup of the partition if it is not the
-- caller's, and 'new' if the partition has none and the caller has not compared its setup with that
-- of the collection. Returns 'late' with the time after the deadline, when the caller has given up.
-- Returns 'clock' with the time if the caller could not give a deadline. Times are in microseconds.
-- queue_partition.lua describes the keys. Every write runs this script, so it does not use that
-- file. Redis takes whole numbers from Lua exactly.
-- KEYS: state, writes, quarantined, ids, the dead letters of the key.
-- ARGV: the key; the kind of the write; the payload; the write id; the maximum number of entries;
-- the maximum number of bytes; the setup; '1' if it is that of the collection, or ''; the deadline,
-- or ''.
local state, writes, ids = KEYS[1], KEYS[2], KEYS[4]
local key, kind, payload, id = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local call = redis.call

-- The ids that are remembered: a number of them, and for a time in microseconds. Ids are random, so
-- about one push of this many removes old ones.
local MAX_IDS, ID_TIME, PRUNING = 16384, 600000000, 64
-- From here on, Lua's numbers are not exact.
local MAX_SEQUENCE = 9007199254740991

local index, mark = 'k' .. key, 'q' .. key
local found = call('HMGET', state, 'setup', 'last', 'bytes', 'dead', 'dead_bytes', index, mark)
if found[1] ~= ARGV[7] then
  if found[1] then
    return { 'other', found[1] }
  elseif ARGV[8] ~= '1' then
    return { 'new' }
  end
end
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local deadline = tonumber(ARGV[9])
if not deadline or now > deadline then
  return { deadline and 'late' or 'clock', string.format('%.0f', now) }
end
local last, bytes = tonumber(found[2]) or 0, tonumber(found[3]) or 0
local dead, dead_bytes = tonumber(found[4]) or 0, tonumber(found[5]) or 0
local size = #key + #payload

-- The value of the same key that this one replaces: in the queue ('w') or in the quarantine ('d').
-- An operation of a key in quarantine is held there at once.
local where, number, old_size, is_held
if kind == 'o' then
  is_held = found[7]
elseif found[6] then
  where, number, old_size = string.match(found[6], '^([wd])(%d+) (%d+)$')
  if where and #number > 16 then
    where = nil
  end
end
local added = where == 'w' and size - old_size or size

-- Whether the partition has no room. The quarantine is bounded as well. Operations that are held
-- may fill only half of it: one key does not block the others.
local function is_full()
  local max_entries, max_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
  if is_held then
    return (dead + 1) * 2 > max_entries or (dead_bytes + size) * 2 > max_bytes
  elseif where ~= 'd' and (dead >= max_entries or dead_bytes >= max_bytes) then
    return true
  end
  return where ~= 'w' and call('XLEN', writes) >= max_entries or added > 0 and bytes + added > max_bytes
end

if is_full() then
  local earlier = call('ZSCORE', ids, id)
  return earlier and { 'duplicate', string.format('%.0f', earlier) } or { 'full' }
end

local sequence = math.max(last + 1, now)
if sequence >= MAX_SEQUENCE then
  return redis.error_reply('ERR the sequence number of the write queue is too high')
end
if string.byte(id, -1) % PRUNING == 0 then
  call('ZREMRANGEBYRANK', ids, 0, -MAX_IDS - 1)
  call('ZREMRANGEBYSCORE', ids, '-inf', sequence - ID_TIME)
end
if call('ZADD', ids, 'NX', sequence, id) == 0 then
  return { 'duplicate', string.format('%.0f', call('ZSCORE', ids, id)) }
end

-- Adds the write. Returns the error if that fails.
local function add()
  local done
  if is_held then
    done = redis.pcall('ZADD', KEYS[5], sequence, string.format('%.0f o0 ', sequence) .. payload)
  else
    done = redis.pcall('XADD', writes, sequence, 'k', key, kind, payload)
  end
  return type(done) == 'table' and done.err
end

local problem = add()
if problem and string.find(problem, 'equal or smaller', 1, true) then
  -- The state was lost, and the Stream was not.
  local flat = call('XINFO', 'STREAM', writes)
  for i = 1, #flat, 2 do
    if flat[i] == 'last-generated-id' then
      sequence = string.match(flat[i + 1], '^%d+') + 1
    end
  end
  call('ZADD', ids, sequence, id)
  problem = sequence >= MAX_SEQUENCE and problem or add()
end
if problem then
  call('ZREM', ids, id)
  return redis.error_reply(problem)
end

local changes = { 'last', sequence }
local function change(field, value)
  changes[#changes + 1] = field
  changes[#changes + 1] = value
end
local text = string.format('%.0f', sequence)
if kind ~= 'o' then
  change(index, 'w' .. text .. ' ' .. size)
end
if not found[1] then
  change('setup', ARGV[7])
end
if where == 'w' then
  call('XDEL', writes, number)
elseif where == 'd' then
  call('UNLINK', KEYS[5])
  call('ZREM', KEYS[3], key)
  call('HDEL', state, mark)
  change('dead', math.max(0, dead - 1))
  change('dead_bytes', math.max(0, dead_bytes - old_size))
end
if is_held then
  change('dead', dead + 1)
  change('dead_bytes', dead_bytes + size)
else
  change('bytes', math.max(0, bytes + added))
end
call('HSET', state, unpack(changes))
return { 'queued', text, string.format('%.0f', now) }
