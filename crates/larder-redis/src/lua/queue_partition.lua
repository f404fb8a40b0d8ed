-- The beginning of every script that changes a partition of the write queue. All its keys share a
-- slot.
-- writes: a Stream. The places of its writes increase. An entry has one write, or it is a pack: see
-- queue_packs.lua. The id of an entry with one write is its place and '-0'. The fields are 'k' with
-- the key, then the kind of the write ('v', 'd' or 'o') with the payload, and 's' with the sequence
-- number if that differs from the place.
-- state: a hash with the number of partitions and the kind ('setup'), the highest number in use
-- ('last'), the size of the Stream's entries ('bytes') and of the quarantine ('dead',
-- 'dead_bytes'), and how many more writes than entries are not settled ('extra'). Also for each key
-- with a pending value, 'k:' and the key: its place in a pack, or 'w' and its place in an entry of
-- its own, or 'd' and its sequence number; after these two letters, also its size. And for each key
-- in quarantine, 'q:' and the key: operations from this sequence number on are held, up to which
-- place they may still be in the queue, and up to which place none is left.
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

-- Returns the write of an entry that has only this one, or nil if it is none of ours.
local function single_write(last, fields)
  local kind, payload = fields[3], fields[4]
  if fields[1] ~= 'k' or not (kind == 'v' or kind == 'd' or kind == 'o') then
    return nil
  end
  local sequence = last
  if #fields > 4 then
    sequence = #fields == 6 and fields[5] == 's' and string.match(fields[6], '^%d+$')
  end
  return sequence and { key = fields[2], kind = kind, payload = payload, sequence = sequence, place = last }
end

-- Returns the writes of a pack that are not settled. Each knows its pack, and its index in it.
local function pack_writes(last, fields)
  local all = unpacked(fields[2], fields[4])
  if not all then
    return nil
  end
  local pack = { last = last, count = #all, size = #fields[4] }
  local flags, left = flags_of(state, last, #all), {}
  for i, write in ipairs(all) do
    if string.sub(flags, i, i) == '0' then
      local place = digits(tonumber(last) - #all + i)
      write.place, write.sequence, write.pack, write.index = place, place, pack, i
      left[#left + 1] = write
    end
  end
  return left
end

-- Returns the writes in an entry of the Stream that are not settled, in their order. Returns nil if
-- the entry is none of ours.
local function writes_of(entry)
  local last, fields = string.match(entry[1], '^(%d+)%-0$'), entry[2]
  if last and fields[1] == 'p' and fields[3] == 'c' then
    return pack_writes(last, fields)
  end
  local write = last and single_write(last, fields)
  return write and { write }
end

-- The writes that write_at has found, by their places.
local found_writes = {}

-- Returns the write at a place, or nil if there is none.
local function write_at(place)
  if not found_writes[place] then
    local entry = redis.call('XRANGE', writes, place .. '-0', '+', 'COUNT', 1)[1]
    for _, write in ipairs(entry and writes_of(entry) or {}) do
      found_writes[write.place] = write
    end
  end
  return found_writes[place]
end

local function size_of(write)
  return write.size or #write.key + #write.payload
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
local function count(changes)
  local names, sums = {}, {}
  for name, change in pairs(changes) do
    if change ~= 0 then
      names[#names + 1] = name
    end
  end
  if #names == 0 then
    return
  end
  local now = redis.call('HMGET', state, unpack(names))
  for i, name in ipairs(names) do
    sums[2 * i - 1], sums[2 * i] = name, digits(math.max(0, (tonumber(now[i]) or 0) + changes[name]))
  end
  redis.call('HSET', state, unpack(sums))
end

-- Settles writes that are in the queue. Returns how many of them were.
local function settle(all)
  local singles, packs, by_last, freed, extra = {}, {}, {}, 0, 0
  for _, write in ipairs(all) do
    local pack = write.pack
    if not pack then
      singles[#singles + 1] = write.place .. '-0'
      freed = freed + size_of(write)
    else
      if not by_last[pack.last] then
        by_last[pack.last] = { pack = pack, settled = {} }
        packs[#packs + 1] = by_last[pack.last]
      end
      table.insert(by_last[pack.last].settled, write.index)
    end
  end
  local removed = #singles > 0 and redis.call('XDEL', writes, unpack(singles)) or 0
  for _, part in ipairs(packs) do
    local pack = part.pack
    local settled, is_gone = settle_in_pack(state, writes, pack.last, pack.count, part.settled)
    removed = removed + settled
    extra = extra + settled - (is_gone and 1 or 0)
    freed = freed + (is_gone and pack.size or 0)
  end
  count({ bytes = -freed, extra = -extra })
  return removed
end

-- Moves a write from the queue to the quarantine.
local function hold(write, message)
  local sequence = write.sequence
  local member = sequence .. ' ' .. write.kind .. #message .. ' ' .. message .. write.payload
  redis.call('ZADD', dead_of(write.key), sequence, member)
  redis.call('ZADD', quarantined, 'LT', sequence, write.key)
  settle({ write })
  if write.kind ~= 'o' then
    redis.call('HSET', state, 'k:' .. write.key, 'd' .. sequence .. ' ' .. size_of(write))
  end
  count({ dead = 1, dead_bytes = size_of(write) })
end

-- Returns the sequence number from which on operations of a key are held, the place up to which
-- they may still be in the queue, and up to which place none is left. All are nil if the key is not
-- in quarantine.
local function mark_of(key)
  local mark = redis.call('HGET', state, 'q:' .. key)
  local from, place, swept = string.match(mark or '', '^(%d+) (%d+) (%d+)$')
  return tonumber(from), tonumber(place), tonumber(swept)
end

-- Holds operations of the key from the first dead letter on, or ends the quarantine of the key.
-- Returns whether it ended.
local function renew_mark(key, place, swept)
  local first = redis.call('ZRANGE', dead_of(key), 0, 0, 'WITHSCORES')
  if not first[2] then
    redis.call('HDEL', state, 'q:' .. key)
    redis.call('ZREM', quarantined, key)
    return true
  end
  local from = digits(tonumber(first[2]))
  redis.call('HSET', state, 'q:' .. key, from .. ' ' .. digits(place) .. ' ' .. digits(swept))
  redis.call('ZADD', quarantined, from, key)
  return false
end
