-- Removes writes that were flushed. A value that was pushed later stays. Returns how many writes
-- were removed.
-- KEYS: state, writes.
-- ARGV: the place, the sequence number and the key of each write.
local AT_ONCE = 600

local removed, freed = 0, 0
for first = 1, #ARGV, AT_ONCE do
  local until_here = math.min(#ARGV, first + AT_ONCE - 1)
  local fields, done, seen = {}, {}, {}
  for i = first, until_here, 3 do
    fields[#fields + 1] = 'k' .. ARGV[i + 2]
  end
  local indexes = redis.call('HMGET', state, unpack(fields))
  local gone = {}
  for i = first, until_here, 3 do
    local place, field = ARGV[i], fields[(i - first) / 3 + 1]
    local where, number, size = index_of(indexes[(i - first) / 3 + 1])
    local is_value = where == 'w' and number == place
    if not is_value then
      -- An operation, or a value whose index was lost.
      local write = write_at(place)
      local is_same = write and write.key == ARGV[i + 2] and write.sequence == ARGV[i + 1]
      size = is_same and size_of(write)
    end
    if size and not seen[place] then
      seen[place] = true
      done[#done + 1] = place .. '-0'
      freed = freed + size
      if is_value then
        gone[#gone + 1] = field
      end
    end
  end
  if #done > 0 then
    removed = removed + redis.call('XDEL', writes, unpack(done))
  end
  if #gone > 0 then
    redis.call('HDEL', state, unpack(gone))
  end
end
if freed > 0 then
  count(-freed, 0, 0)
end
return removed
