-- Pushing the writes of one batch, in their order for each partition. The answer has the time, and
-- then for each partition a list with a text for each write: 'q' and the sequence number if it is
-- queued; 'd' and the sequence number if it was pushed before; 'f' if the partition is full; 'r'
-- and the error if it failed and is not queued; 'x' and the error if it failed and may be queued. A
-- write that fails does not concern the others.
-- For all writes to a partition, the list is 'other' with the setup of the partition if it is not
-- the caller's, and 'new' if the partition has none and the caller has not compared its setup with
-- that of the collection. It is 'error' with the error if nothing was queued for that reason, and
-- 'unknown' with the error if some may be queued.
-- For the batch, it returns 'late' with the time after the deadline, when the callers have given
-- up, and 'clock' with the time if the caller could not give a deadline. Times are in microseconds.
-- queue_partition.lua describes the keys. Every write runs this script, so it does not use that
-- file, and it does with one command what can be done for many writes at once.
-- Keys: for each partition its state, writes, quarantined and ids.
-- Arguments: the deadline, or ''. Then for each partition: the number of writes; the maximum number
-- of entries; the maximum number of bytes; the setup; '1' if it is that of the collection, or '';
-- then for each write: the key, the kind of the write, the payload and the write id.
local KEYS, ARGV, unpack, type, tonumber = KEYS, ARGV, unpack, type, tonumber
local call, try, format, max = redis.call, redis.pcall, string.format, math.max
-- The format of whole numbers. '%d' is several times as fast, and exact where a C long has 64 bits.
local WHOLE = format('%d', 4503599627370496) == '4503599627370496' and '%d' or '%.0f'

local HEAD, PARTS, NAMES = 5, 4, 4
-- The ids that are remembered: a number of them, and for a time in microseconds. Ids are random, so
-- about one push of this many removes old ones.
local MAX_IDS, ID_TIME, PRUNING = 16384, 600000000, 64
-- From here on, Lua's numbers are not exact.
local MAX_SEQUENCE = 9007199254740991

-- The time of the script in microseconds.
local now
-- The partition to which writes are being pushed: its keys, its limits and its numbers.
local state, writes, quarantined, ids, max_entries, max_bytes
local last, entries, bytes, dead, dead_bytes
-- The last sequence number that was given away. One whose write fails is not used again.
local sequence
-- The sequence numbers of all writes, if their ids are remembered already. Otherwise those of the
-- writes that this batch has added, by their ids.
local texts, added
-- The pending values that this batch has changed, and the changes of the state.
local index, changes
-- The keys of the writes that were queued, if the caller needs them.
local queued

-- Returns the error, if this is the reply to a command that failed.
local function error_of(reply)
  return type(reply) == 'table' and reply.err
end

-- Removes old ids. Returns the error if that fails.
local function prune()
  local problem = error_of(try('ZREMRANGEBYRANK', ids, 0, -MAX_IDS - 1))
  return problem or error_of(try('ZREMRANGEBYSCORE', ids, '-inf', sequence + 1 - ID_TIME))
end

-- Remembers the ids of all writes, with the next sequence numbers. Returns these as texts. Returns
-- nil if some writes may not be added. Then each write remembers its own id.
local function remember_all(new_ids, known, size)
  local count = #new_ids
  local has_room = entries + count <= max_entries and bytes + size <= max_bytes
  if not has_room or dead > 0 or dead_bytes > 0 or sequence + count >= MAX_SEQUENCE then
    return nil
  end
  local all, scores = {}, {}
  for i = 1, count do
    if known[i] then
      return nil
    end
    local text = format(WHOLE, sequence + i)
    all[i], scores[2 * i - 1], scores[2 * i] = text, text, new_ids[i]
  end
  -- If an id is there twice, only its first write is added.
  return try('ZADD', ids, unpack(scores)) == count and all or nil
end

-- Remembers the id of a write, with the next sequence number. Returns this number as a text, or nil
-- and the answer if that fails.
local function remember(id, refusal)
  if sequence + 1 >= MAX_SEQUENCE then
    return nil, 'rERR the sequence number of the write queue is too high'
  end
  sequence = sequence + 1
  local text = format(WHOLE, sequence)
  local problem = refusal or error_of(try('ZADD', ids, text, id))
  if problem then
    return nil, 'r' .. problem
  end
  return text
end

local function dead_of(key)
  return string.sub(state, 1, -#'state' - 1) .. 'dead:' .. key
end

-- Whether the partition has no room for a write. The quarantine is bounded as well. Operations that
-- are held may fill only half of it: one key does not block the others.
local function is_full(is_held, where, size, growth)
  if is_held then
    return (dead + 1) * 2 > max_entries or (dead_bytes + size) * 2 > max_bytes
  elseif where ~= 'd' and (dead >= max_entries or dead_bytes >= max_bytes) then
    return true
  end
  return where ~= 'w' and entries >= max_entries or growth > 0 and bytes + growth > max_bytes
end

-- Adds a write to the end of the Stream, though the state was lost and its numbers are too low.
-- Returns its new sequence number, and the error if that fails.
local function add_behind(key, kind, payload, id)
  local flat = call('XINFO', 'STREAM', writes)
  for i = 1, #flat, 2 do
    if flat[i] == 'last-generated-id' then
      sequence = tonumber(string.match(flat[i + 1], '^%d+'))
    end
  end
  -- The later writes remember their ids once more.
  texts = nil
  local text, answer = remember(id)
  if not text then
    return nil, string.sub(answer, 2)
  end
  return text, error_of(try('XADD', writes, text, 'k', key, kind, payload))
end

-- Adds a write. Returns its sequence number, and the error if that fails.
local function add(key, kind, payload, id, text, is_held)
  if is_held then
    return text, error_of(try('ZADD', dead_of(key), text, text .. ' o0 ' .. payload))
  end
  local problem = error_of(try('XADD', writes, text, 'k', key, kind, payload))
  if problem and string.find(problem, 'equal or smaller', 1, true) then
    return add_behind(key, kind, payload, id)
  end
  return text, problem
end

-- Removes the value that a write has replaced: in the queue ('w') or in the quarantine ('d').
-- Returns the error if that fails.
local function replace(key, where, number, old_size)
  if where == 'w' then
    local removed = try('XDEL', writes, number)
    entries = entries - (tonumber(removed) or 0)
    return error_of(removed)
  end
  dead, dead_bytes = max(0, dead - 1), max(0, dead_bytes - old_size)
  return error_of(try('UNLINK', dead_of(key)))
    or error_of(try('ZREM', quarantined, key))
    or error_of(try('HDEL', state, 'q' .. key))
end

-- Pushes the write whose first argument is this one. `there` is what the state says about its key.
-- Returns the answer.
local function push(at, number, field, there, refusal)
  local key, kind, payload, id = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local size = #key + #payload
  -- The value of the same key that this one replaces. An operation of a key in quarantine is held
  -- there at once.
  local growth, where, place, old_size = size, nil, nil, nil
  if there and kind ~= 'o' then
    where, place, old_size = string.match(there, '^([wd])(%d+) (%d+)$')
    where, old_size = where and #place <= 16 and where or nil, tonumber(old_size)
    growth = where == 'w' and size - old_size or size
  end
  local is_held = there and kind == 'o'
  local text, problem = texts and texts[number], nil
  if text then
    sequence = sequence + 1
  else
    if is_full(is_held, where, size, growth) then
      return 'f'
    end
    text, problem = remember(id, refusal)
    if not text then
      return problem
    end
  end
  text, problem = add(key, kind, payload, id, text, is_held)
  if problem then
    try('ZREM', ids, id)
    return 'r' .. problem
  end
  last, added[id] = text, text
  if is_held then
    dead, dead_bytes = dead + 1, dead_bytes + size
    return 'q' .. text
  end
  if kind ~= 'o' then
    local pending, count = format('w%s %d', text, size), #changes
    index[field], changes[count + 1], changes[count + 2] = pending, field, pending
  end
  entries, bytes = entries + 1, max(0, bytes + growth)
  problem = where and replace(key, where, place, old_size)
  return problem and 'x' .. problem or 'q' .. text
end

-- Saves the state. Returns the error if that fails.
local function save(setup)
  local count = #changes
  local numbers = { 'last', last, 'bytes', bytes, 'dead', dead, 'dead_bytes', dead_bytes, 'setup', setup }
  for i = 1, #numbers do
    changes[count + i] = numbers[i]
  end
  return error_of(try('HSET', state, unpack(changes)))
end

-- Pushes to one partition. Its first argument is the one at `head`. Returns its answer.
local function push_all(head)
  local count, setup = tonumber(ARGV[head]), ARGV[head + 3]
  local first, to = head + HEAD, head + HEAD + count * PARTS - 1
  -- Everything is read before anything is written. If that fails, no write is queued. The fields of
  -- the writes have the pending values of their keys, or say that operations of a key are held.
  local fields, new_ids = { 'setup', 'last', 'bytes', 'dead', 'dead_bytes' }, {}
  local READ, read, size, is_due = #fields, 0, 0, false
  for at = first, to, PARTS do
    local key, id = ARGV[at], ARGV[at + 3]
    read = read + 1
    fields[READ + read] = (ARGV[at + 1] == 'o' and 'q' or 'k') .. key
    new_ids[read] = id
    size = size + #key + #ARGV[at + 2]
    is_due = is_due or string.byte(id, -1) % PRUNING == 0
  end
  local found = try('HMGET', state, unpack(fields))
  local known = try('ZMSCORE', ids, unpack(new_ids))
  entries = try('XLEN', writes)
  local unread = error_of(found) or error_of(known) or error_of(entries)
  if unread then
    return { 'error', unread }
  end
  if found[1] ~= setup then
    if found[1] then
      return { 'other', found[1] }
    elseif ARGV[head + 4] ~= '1' then
      return { 'new' }
    end
  end
  last, bytes = tonumber(found[2]) or 0, tonumber(found[3]) or 0
  dead, dead_bytes = tonumber(found[4]) or 0, tonumber(found[5]) or 0
  sequence, texts, added, index, changes = max(last, now - 1), nil, {}, {}, {}
  local refusal = is_due and prune()
  if not refusal then
    texts = remember_all(new_ids, known, size)
  end
  local answers = {}
  for i = 1, count do
    local earlier = added[new_ids[i]] or known[i] and format('%.0f', known[i])
    local field = fields[READ + i]
    local there = index[field] or found[READ + i]
    answers[i] = earlier and 'd' .. earlier or push(first + (i - 1) * PARTS, i, field, there, refusal)
  end
  local problem = next(added) and save(setup)
  for i = 1, (problem or queued) and count or 0 do
    if string.sub(answers[i], 1, 1) == 'q' then
      if problem then
        answers[i] = 'x' .. problem
      else
        queued[#queued + 1] = ARGV[first + (i - 1) * PARTS]
      end
    end
  end
  return answers
end

-- Pushes the writes of a batch. Its keys and its arguments begin at these places. Returns the
-- answer. Adds the keys of the writes that were queued to `all_queued`, if that is given.
local function push_batch(first_key, first_argument, all_queued)
  local time = call('TIME')
  now, queued = time[1] * 1000000 + time[2], all_queued
  local deadline = tonumber(ARGV[first_argument])
  if not deadline or now > deadline then
    return { deadline and 'late' or 'clock', format(WHOLE, now) }
  end
  local answer, head = { format(WHOLE, now) }, first_argument + 1
  for first = first_key, #KEYS, NAMES do
    state, writes, quarantined, ids = KEYS[first], KEYS[first + 1], KEYS[first + 2], KEYS[first + 3]
    max_entries, max_bytes = tonumber(ARGV[head + 1]), tonumber(ARGV[head + 2])
    local done, result = pcall(push_all, head)
    answer[#answer + 1] = done and result or { 'unknown', error_of(result) or tostring(result) }
    head = head + HEAD + ARGV[head] * PARTS
  end
  return answer
end
