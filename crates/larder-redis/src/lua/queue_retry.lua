-- Moves dead letters of a key to the end of the queue. Returns how many were moved, and '1' if the
-- key has left the quarantine or '0'.
-- KEYS: state, writes, quarantined, ids. ARGV: the key.
local key = ARGV[1]
local MAX_MOVED, MAX_BYTES, MAX_SWEPT, PAGE, FEW = 250, 1048576, 2000, 20, 10

-- Moves operations that are held and still in the queue to the quarantine, so that none of them is
-- flushed before an older one. The reader does the same, so usually none is left. Returns up to
-- which place none is left.
local function sweep(from, place, swept)
  local after, seen = '(' .. digits(swept) .. '-0', 0
  while seen < MAX_SWEPT do
    local page = redis.call('XRANGE', writes, after, '+', 'COUNT', PAGE)
    for _, entry in ipairs(page) do
      local all = writes_of(entry) or {}
      seen = seen + math.max(1, #all)
      for _, write in ipairs(all) do
        if tonumber(write.place) > place then
          return place
        elseif write.key == key and write.kind == 'o' and tonumber(write.sequence) >= from then
          hold(write, '')
        end
      end
      after = '(' .. entry[1]
    end
    if #page < PAGE then
      return place
    end
  end
  return tonumber(string.match(after, '%d+'))
end

local from, place, swept = mark_of(key)
if not from then
  return { 0, '1' }
end
if swept < place then
  swept = sweep(from, place, swept)
  renew_mark(key, place, swept)
  if swept < place then
    return { 0, '0' }
  end
end

local last = math.max(tonumber(redis.call('HGET', state, 'last')) or 0, microseconds())
local moved, bytes, is_end = 0, 0, false
while not is_end and moved < MAX_MOVED and bytes < MAX_BYTES do
  local members = redis.call('ZRANGE', dead_of(key), 0, FEW - 1)
  for _, member in ipairs(members) do
    local write = dead_write(key, member)
    if write then
      local at = digits(last + moved + 1)
      redis.call('XADD', writes, at .. '-0', 'k', key, write.kind, write.payload, 's', write.sequence)
      moved, bytes = moved + 1, bytes + size_of(write)
      if write.kind ~= 'o' then
        redis.call('HSET', state, 'k:' .. key, 'w' .. at .. ' ' .. size_of(write))
      end
    end
    redis.call('ZREM', dead_of(key), member)
  end
  is_end = #members < FEW
end
redis.call('HSET', state, 'last', digits(last + moved))
count({ bytes = bytes, dead = -moved, dead_bytes = -bytes })
return { moved, renew_mark(key, place, swept) and '1' or '0' }
