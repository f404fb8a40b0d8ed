-- Pushes the writes of one batch, in their order. Returns the time, then a text for each write: 'q'
-- and the sequence number if it is queued; 'd' and the sequence number if it was pushed before; 'f'
-- if the partition is full; 'r' and the error if it failed and is not queued; 'x' and the error if
-- it failed and may be queued. A write that fails does not concern the others.
-- For all writes at once, it returns 'other' with the setup of the partition if it is not the
-- caller's, and 'new' if the partition has none and the caller has not compared its setup with that
-- of the collection. Returns 'late' with the time after the deadline, when the callers have given
-- up. Returns 'clock' with the time if the caller could not give a deadline. Times are in
-- microseconds.
-- queue_partition.lua describes the keys. Every write runs this script, so it does not use that
-- file.
-- KEYS: state, writes, quarantined, ids.
-- ARGV: the maximum number of entries; the maximum number of bytes; the setup; '1' if it is that of
-- the collection, or ''; the deadline, or ''; then for each write: the key, the kind of the write,
-- the payload and the write id.
local state, writes, quarantined, ids = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local max_entries, max_bytes, setup = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local call, format = redis.call, string.format
-- The format of whole numbers. '%d' is several times as fast, and exact where a C long has 64 bits.
local WHOLE = format('%d', 4503599627370496) == '4503599627370496' and '%d' or '%.0f'

local FIRST, PARTS = 6, 4
-- The ids that are remembered: a number of them, and for a time in microseconds. Ids are random, so
-- about one push of this many removes old ones.
local MAX_IDS, ID_TIME, PRUNING = 16384, 600000000, 64
-- From here on, Lua's numbers are not exact.
local MAX_SEQUENCE = 9007199254740991

-- Returns the field of the state that has the pending value of a key, or says that operations of
-- the key are held.
local function field_of(key, kind)
  return (kind == 'o' and 'q' or 'k') .. key
end

local function text_of(problem)
  return type(problem) == 'table' and problem.err or tostring(problem)
end

-- Everything is read before anything is written. If that fails, no write is queued.
local fields = { 'setup', 'last', 'bytes', 'dead', 'dead_bytes' }
local READ = #fields
for i = FIRST, #ARGV, PARTS do
  fields[#fields + 1] = field_of(ARGV[i], ARGV[i + 1])
end
local found, entries = redis.pcall('HMGET', state, unpack(fields)), redis.pcall('XLEN', writes)
if found.err or type(entries) == 'table' then
  return redis.error_reply(found.err or entries.err)
end
if found[1] ~= setup then
  if found[1] then
    return { 'other', found[1] }
  elseif ARGV[4] ~= '1' then
    return { 'new' }
  end
end
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local deadline = tonumber(ARGV[5])
if not deadline or now > deadline then
  return { deadline and 'late' or 'clock', format(WHOLE, now) }
end
local last, bytes = tonumber(found[2]) or 0, tonumber(found[3]) or 0
local dead, dead_bytes = tonumber(found[4]) or 0, tonumber(found[5]) or 0
local index, changed = {}, {}
for i = READ + 1, #fields do
  index[fields[i]] = found[i]
end

-- Whether the partition has no room for a write. The quarantine is bounded as well. Operations that
-- are held may fill only half of it: one key does not block the others.
local function is_full(write)
  if write.is_held then
    return (dead + 1) * 2 > max_entries or (dead_bytes + write.size) * 2 > max_bytes
  elseif write.where ~= 'd' and (dead >= max_entries or dead_bytes >= max_bytes) then
    return true
  end
  return write.where ~= 'w' and entries >= max_entries or write.added > 0 and bytes + write.added > max_bytes
end

local function dead_of(key)
  return string.sub(state, 1, -#'state' - 1) .. 'dead:' .. key
end

-- Adds the write under the sequence number, a text. Returns the error if that fails.
local function add(write, text)
  local done
  if write.is_held then
    done = redis.pcall('ZADD', dead_of(write.key), text, text .. ' o0 ' .. write.payload)
  else
    done = redis.pcall('XADD', writes, text, 'k', write.key, write.kind, write.payload)
  end
  return type(done) == 'table' and done.err
end

-- Adds the write and remembers its id. Returns its sequence number, also as a text. Returns nil and
-- the answer if it is not added.
local function add_once(write)
  local sequence = math.max(last + 1, now)
  if sequence >= MAX_SEQUENCE then
    return nil, 'rERR the sequence number of the write queue is too high'
  end
  if string.byte(write.id, -1) % PRUNING == 0 then
    call('ZREMRANGEBYRANK', ids, 0, -MAX_IDS - 1)
    call('ZREMRANGEBYSCORE', ids, '-inf', sequence - ID_TIME)
  end
  local text = format(WHOLE, sequence)
  if call('ZADD', ids, 'NX', text, write.id) == 0 then
    return nil, format('d%.0f', call('ZSCORE', ids, write.id))
  end
  local problem = add(write, text)
  if problem and string.find(problem, 'equal or smaller', 1, true) then
    -- The state was lost, and the Stream was not.
    local flat = call('XINFO', 'STREAM', writes)
    for i = 1, #flat, 2 do
      if flat[i] == 'last-generated-id' then
        sequence = string.match(flat[i + 1], '^%d+') + 1
      end
    end
    text = format(WHOLE, sequence)
    call('ZADD', ids, text, write.id)
    problem = sequence >= MAX_SEQUENCE and problem or add(write, text)
  end
  if problem then
    call('ZREM', ids, write.id)
    return nil, 'r' .. problem
  end
  return sequence, text
end

-- Counts the write, and removes the value that it replaces.
local function replace(write, text)
  if write.kind ~= 'o' then
    index[write.field] = format('w%s %d', text, write.size)
    changed[write.field] = true
  end
  if write.is_held then
    dead, dead_bytes = dead + 1, dead_bytes + write.size
    return
  end
  entries, bytes = entries + 1, math.max(0, bytes + write.added)
  if write.where == 'w' then
    entries = entries - call('XDEL', writes, write.number)
  elseif write.where == 'd' then
    dead, dead_bytes = math.max(0, dead - 1), math.max(0, dead_bytes - write.old_size)
    call('UNLINK', dead_of(write.key))
    call('ZREM', quarantined, write.key)
    call('HDEL', state, 'q' .. write.key)
  end
end

-- Returns the write whose first argument is this one.
local function write_at(i)
  local write = { key = ARGV[i], kind = ARGV[i + 1], payload = ARGV[i + 2], id = ARGV[i + 3] }
  write.field = field_of(write.key, write.kind)
  write.size = #write.key + #write.payload
  -- The value of the same key that this one replaces: in the queue ('w') or in the quarantine
  -- ('d'). An operation of a key in quarantine is held there at once.
  local there = index[write.field]
  if write.kind == 'o' then
    write.is_held = there
  elseif there then
    local where, number, old_size = string.match(there, '^([wd])(%d+) (%d+)$')
    if where and #number <= 16 then
      write.where, write.number, write.old_size = where, number, tonumber(old_size)
    end
  end
  write.added = write.where == 'w' and write.size - write.old_size or write.size
  return write
end

local is_added
-- Returns the answer for one write.
local function push(i)
  local write = write_at(i)
  if is_full(write) then
    local earlier = call('ZSCORE', ids, write.id)
    return earlier and format('d%.0f', earlier) or 'f'
  end
  local sequence, text = add_once(write)
  if not sequence then
    return text
  end
  is_added, last = true, sequence
  replace(write, text)
  return 'q' .. text
end

local function save()
  local changes = { 'last', last, 'bytes', bytes, 'dead', dead, 'dead_bytes', dead_bytes, 'setup', setup }
  for field in pairs(changed) do
    changes[#changes + 1] = field
    changes[#changes + 1] = index[field]
  end
  call('HSET', state, unpack(changes))
end

local answers, queued = { format(WHOLE, now) }, false
for i = FIRST, #ARGV, PARTS do
  is_added = false
  local done, answer = pcall(push, i)
  answers[#answers + 1] = done and answer or (is_added and 'x' or 'r') .. text_of(answer)
  queued = queued or is_added
end
if queued then
  local done, problem = pcall(save)
  for i = 2, #answers do
    if not done and string.sub(answers[i], 1, 1) == 'q' then
      answers[i] = 'x' .. text_of(problem)
    end
  end
end
return answers
