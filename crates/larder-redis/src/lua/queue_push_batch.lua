-- Pushing the writes of one batch, in their order for each partition. The answer has the time, and
-- then for each group of writes a list with a text for each write: 'q' and the sequence number if
-- it is queued; 'd' and the sequence number if it was pushed before; 'f' if the partition is full;
-- 'r' and the error if it failed and is not queued; 'x' and the error if it failed and may be
-- queued. A write that fails does not concern the others.
-- For all writes of a group, the list is 'all' with the first sequence number if all were queued,
-- with consecutive numbers. It is 'other' with the setup of the partition if it is not the
-- caller's, and 'new' if the partition has none and the caller has not compared its setup with that
-- of the collection. It is 'error' with the error if nothing was queued for that reason, and
-- 'unknown' with the error if some may be queued.
-- For the batch, it returns 'late' with the time after the deadline, when the callers have given
-- up, and 'clock' with the time if the caller could not give a deadline. Times are in microseconds.
-- queue_partition.lua describes the keys. Every write runs this script, so it does not use that
-- file, and it does with one command what can be done for many writes at once.
-- Keys: for each group the state, the writes, the quarantined keys and the ids of its partition.
-- Arguments: the deadline, or ''. Then for each group: the number of writes; the maximum number of
-- writes in the queue; the maximum number of bytes; the setup; '1' if it is that of the collection,
-- or ''; the index and the contents of a pack with the writes; then for each write: 'k:' and the
-- key, or 'q:' and the key if it is an operation; and the write id.
local KEYS, ARGV, unpack, type, tonumber = KEYS, ARGV, unpack, type, tonumber
local call, try, format, max, byte = redis.call, redis.pcall, string.format, math.max, string.byte
-- The format of whole numbers. '%d' is several times as fast, and exact where a C long has 64 bits.
local WHOLE = format('%d', 4503599627370496) == '4503599627370496' and '%d' or '%.0f'

local HEAD, PARTS, NAMES = 7, 2, 4
-- The ids that are remembered: a number of them, and for a time in microseconds. Ids are random, so
-- about one push of this many removes old ones.
local MAX_IDS, ID_TIME, PRUNING = 16384, 600000000, 64
-- From here on, Lua's numbers are not exact.
local MAX_SEQUENCE = 9007199254740991
-- The number of fields of the state that every push reads, before those of its keys.
local READ = 6
-- The first byte of the name of a value: 'k'.
local VALUE = byte('k')

-- The time of the script in microseconds.
local now
-- The partition to which writes are being pushed: its keys, its limits and its numbers. `entries`
-- counts the writes in the queue.
local state, writes, quarantined, ids, max_entries, max_bytes
local last, entries, bytes, dead, dead_bytes, extra, had_dead
-- The last sequence number that was given away. One whose write fails is not used again.
local sequence
-- The sequence numbers of the writes that this group has added, by their ids.
local added
-- The pending values that this group has changed, and the changes of the state.
local index, changes
-- The names of the writes that were queued, if the caller needs them: 'k:' and the key.
local queued

-- Returns the error, if this is the reply to a command that failed.
local function error_of(reply)
  return type(reply) == 'table' and reply.err
end

-- Removes old ids, if it is time for that. Returns the error if that fails.
local function prune(head, count)
  if byte(ARGV[head + HEAD + 1], -1) % PRUNING >= count then
    return nil
  end
  local problem = error_of(try('ZREMRANGEBYRANK', ids, 0, -MAX_IDS - 1))
  return problem or error_of(try('ZREMRANGEBYSCORE', ids, '-inf', sequence + 1 - ID_TIME))
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
  local is_replacement = where == 'w' or where == 'p'
  return not is_replacement and entries >= max_entries or growth > 0 and bytes + growth > max_bytes
end

-- Adds a write to the end of the Stream, though the state was lost and its numbers are too low.
-- Returns its new sequence number, and the error if that fails.
local function add_behind(write, id)
  local flat = call('XINFO', 'STREAM', writes)
  for i = 1, #flat, 2 do
    if flat[i] == 'last-generated-id' then
      sequence = tonumber(string.match(flat[i + 1], '^%d+'))
    end
  end
  local text, answer = remember(id)
  if not text then
    return nil, string.sub(answer, 2)
  end
  return text, error_of(try('XADD', writes, text, 'k', write.key, write.kind, write.payload))
end

local function is_behind(problem)
  return string.find(problem, 'equal or smaller', 1, true)
end

-- Adds a write. Returns its sequence number, and the error if that fails.
local function add(write, id, text, is_held)
  if is_held then
    return text, error_of(try('ZADD', dead_of(write.key), text, text .. ' o0 ' .. write.payload))
  end
  local problem = error_of(try('XADD', writes, text, 'k', write.key, write.kind, write.payload))
  if problem and is_behind(problem) then
    return add_behind(write, id)
  end
  return text, problem
end

-- Settles a write of a pack.
local function settle_at(place)
  local entry = call('XRANGE', writes, place .. '-0', '+', 'COUNT', 1)[1]
  local pack_end, fields = string.match(entry and entry[1] or '', '^(%d+)%-0$'), entry and entry[2]
  if not pack_end or fields[1] ~= 'p' then
    return
  end
  local _, count = string.gsub(fields[2], ',', '')
  local at = tonumber(place) - tonumber(pack_end) + count
  if at < 1 then
    return
  end
  local settled, is_gone = settle_in_pack(state, writes, pack_end, count, { at })
  entries = entries - settled
  extra = max(0, extra - settled + (is_gone and 1 or 0))
  bytes = max(0, bytes - (is_gone and #fields[4] or 0))
end

-- Removes the value that a write has replaced: in the queue ('w' or 'p') or in the quarantine
-- ('d'). Returns the error if that fails.
local function replace(key, where, number, old_size)
  if where == 'p' then
    local done, problem = pcall(settle_at, number)
    return not done and (error_of(problem) or tostring(problem))
  elseif where == 'w' then
    local removed = try('XDEL', writes, number)
    entries, bytes = entries - (tonumber(removed) or 0), max(0, bytes - old_size)
    return error_of(removed)
  end
  dead, dead_bytes = max(0, dead - 1), max(0, dead_bytes - old_size)
  return error_of(try('UNLINK', dead_of(key)))
    or error_of(try('ZREM', quarantined, key))
    or error_of(try('HDEL', state, 'q:' .. key))
end

-- Pushes a write as an entry of its own. `there` is what the state says about its key. Returns the
-- answer.
local function push(write, id, field, there, refusal)
  local key, kind = write.key, write.kind
  local size = #key + #write.payload
  -- The value of the same key that this one replaces. An operation of a key in quarantine is held
  -- there at once.
  local where, place, old_size = index_of(kind ~= 'o' and there or nil)
  local growth, is_held = where == 'w' and size - old_size or size, there and kind == 'o'
  if is_full(is_held, where, size, growth) then
    return 'f'
  end
  local text, problem = remember(id, refusal)
  if not text then
    return problem
  end
  text, problem = add(write, id, text, is_held)
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
  entries, bytes = entries + 1, bytes + size
  problem = where and replace(key, where, place, old_size)
  return problem and 'x' .. problem or 'q' .. text
end

-- Saves the state. Returns the error if that fails.
local function save()
  local n = #changes
  changes[n + 1], changes[n + 2] = 'last', last
  changes[n + 3], changes[n + 4] = 'bytes', format(WHOLE, bytes)
  changes[n + 5], changes[n + 6] = 'extra', format(WHOLE, extra)
  if had_dead or dead > 0 then
    changes[n + 7], changes[n + 8] = 'dead', format(WHOLE, dead)
    changes[n + 9], changes[n + 10] = 'dead_bytes', format(WHOLE, dead_bytes)
  end
  return error_of(try('HSET', state, unpack(changes)))
end

-- Returns the ids of the writes.
local function ids_of(head, count)
  local all = {}
  for i = 1, count do
    all[i] = ARGV[head + HEAD + (i - 1) * PARTS + 1]
  end
  return all
end

-- Forgets those of the ids that have one of the next sequence numbers.
local function forget(head, count)
  local all, mine = ids_of(head, count), {}
  for i, score in ipairs(try('ZMSCORE', ids, unpack(all))) do
    if (tonumber(score) or 0) > sequence then
      mine[#mine + 1] = all[i]
    end
  end
  return #mine > 0 and try('ZREM', ids, unpack(mine))
end

-- Remembers the ids of all writes, with the next sequence numbers. Returns these as texts. Returns
-- nil if a write was pushed before. Then nothing is remembered.
local function remember_all(head, count)
  local places, scores, at, from = {}, {}, head + HEAD + 1, 0
  for i = 1, count do
    local text = format(WHOLE, sequence + i)
    places[i], scores[from + 1], scores[from + 2] = text, text, ARGV[at]
    at, from = at + PARTS, from + 2
  end
  if prune(head, count) then
    return nil
  elseif try('ZADD', ids, 'NX', unpack(scores)) == count then
    return places
  end
  forget(head, count)
  return nil
end

-- Notes the pending values of a pack. Returns those that they replace: for each, its name and what
-- the state says about it.
local function note_values(count, names, found, places)
  local replaced, n = {}, #changes
  for i = READ + 1, READ + count do
    local name, place = names[i], places[i - READ]
    if byte(name) == VALUE then
      local there = index[name] or found[i]
      if there then
        replaced[#replaced + 1] = { name, there }
      end
      index[name], changes[n + 1], changes[n + 2] = place, name, place
      n = n + 2
    end
  end
  return replaced
end

-- Pushes the writes as one pack. Returns the answer. Returns nil if each of them needs an entry of
-- its own.
local function push_pack(head, count, names, found)
  local contents = ARGV[head + 6]
  local places = remember_all(head, count)
  if not places then
    return nil
  end
  local last_place = places[count]
  local problem = error_of(try('XADD', writes, last_place, 'p', ARGV[head + 5], 'c', contents))
  if problem then
    forget(head, count)
    return not is_behind(problem) and { 'error', problem } or nil
  end
  sequence, last, entries = sequence + count, last_place, entries + count
  bytes, extra = bytes + #contents, extra + count - 1
  for _, old in ipairs(note_values(count, names, found, places)) do
    local where, number, size = index_of(old[2])
    problem = where and replace(string.sub(old[1], 3), where, number, size) or problem
  end
  problem = save() or problem
  if problem then
    return { 'unknown', problem }
  end
  if queued then
    local n = #queued - READ
    for i = READ + 1, READ + count do
      queued[n + i] = names[i]
    end
  end
  return { 'all', places[1] }
end

-- Pushes each write as an entry of its own. Returns the answer.
local function push_each(head, count, names, found)
  local new_ids = ids_of(head, count)
  local known, all = try('ZMSCORE', ids, unpack(new_ids)), unpacked(ARGV[head + 5], ARGV[head + 6])
  if error_of(known) or not all or #all ~= count then
    return { 'error', error_of(known) or 'ERR the writes cannot be read' }
  end
  local refusal, answers = prune(head, count), {}
  for i = 1, count do
    local name, id = names[READ + i], new_ids[i]
    local earlier = added[id] or known[i] and format('%.0f', known[i])
    local there = index[name] or found[READ + i]
    answers[i] = earlier and 'd' .. earlier or push(all[i], id, name, there, refusal)
  end
  local problem = next(added) and save()
  for i = 1, (problem or queued) and count or 0 do
    if string.sub(answers[i], 1, 1) == 'q' then
      if problem then
        answers[i] = 'x' .. problem
      else
        queued[#queued + 1] = names[READ + i]
      end
    end
  end
  return answers
end

-- Whether the writes of a group may share an entry: there is room for all of them, and no key is in
-- quarantine.
local function may_pack(count, size)
  local has_room = entries + count <= max_entries and bytes + size <= max_bytes
  return count > 1 and has_room and not had_dead and sequence + count < MAX_SEQUENCE
end

-- Pushes one group. Its first argument is the one at `head`. Returns its answer.
local function push_all(head)
  local count, setup, at = tonumber(ARGV[head]), ARGV[head + 3], head + HEAD
  -- Everything is read before anything is written. If that fails, no write is queued. The names of
  -- the writes are fields of the state: the pending values of their keys, or whether operations of
  -- a key are held.
  local names = { 'setup', 'last', 'bytes', 'dead', 'dead_bytes', 'extra' }
  for i = READ + 1, READ + count do
    names[i], at = ARGV[at], at + PARTS
  end
  local found = try('HMGET', state, unpack(names))
  entries = try('XLEN', writes)
  local unread = error_of(found) or error_of(entries)
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
  extra = max(0, tonumber(found[6]) or 0)
  had_dead, entries, sequence = dead > 0 or dead_bytes > 0, entries + extra, max(last, now - 1)
  added, index, changes = {}, {}, found[1] and {} or { 'setup', setup }
  local answer = may_pack(count, #ARGV[head + 6]) and push_pack(head, count, names, found)
  return answer or push_each(head, count, names, found)
end

-- Pushes the writes of a batch. Its keys and its arguments begin at these places. Returns the
-- answer. Adds the names of the writes that were queued to `all_queued`, if that is given.
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
