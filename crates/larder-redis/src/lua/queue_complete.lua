-- Removes writes that were flushed. A value that was pushed later stays. Returns how many writes
-- were removed.
-- KEYS: state, writes.
-- ARGV: the place, the sequence number and the key of each write.
local AT_ONCE = 600

-- Returns the flushed write if it is in the queue, and whether it is the pending value of its key.
local function flushed(place, sequence, key, index)
  local where, number, size = index_of(index)
  local is_value = (where == 'w' or where == 'p') and number == place
  if is_value and where == 'w' then
    return { place = place, size = size }, true
  end
  -- A write in a pack, an operation, or a value whose index was lost.
  local write = write_at(place)
  local is_same = write and write.key == key and write.sequence == sequence
  return is_same and write or nil, is_value
end

local removed, seen = 0, {}
for first = 1, #ARGV, AT_ONCE do
  local until_here = math.min(#ARGV, first + AT_ONCE - 1)
  local fields, done, gone = {}, {}, {}
  for i = first, until_here, 3 do
    fields[#fields + 1] = 'k:' .. ARGV[i + 2]
  end
  local indexes = redis.call('HMGET', state, unpack(fields))
  for i = first, until_here, 3 do
    local place, at = ARGV[i], (i - first) / 3 + 1
    local write, is_value = flushed(place, ARGV[i + 1], ARGV[i + 2], indexes[at])
    if write and not seen[place] then
      seen[place], done[#done + 1] = true, write
      gone[#gone + 1] = is_value and fields[at] or nil
    end
  end
  removed = removed + settle(done)
  if #gone > 0 then
    redis.call('HDEL', state, unpack(gone))
  end
end
return removed
