-- Returns for each key: '1' if it is in quarantine or '0', and then the sequence number, the kind
-- and the payload of its pending value, if there is one. Returns 'other' with the setup of the
-- partition if its number of partitions is not the caller's, and 'new' if the partition has none.
-- This changes nothing. It is not declared as a script without writes, so a replica or an isolated
-- primary does not run it.
-- ARGV: the number of partitions; then the keys.
local AT_ONCE = 1000

local setup = redis.call('HGET', state, 'setup')
if not setup then
  return { 'new' }
elseif string.match(setup, '^%d+') ~= ARGV[1] then
  return { 'other', setup }
end

local function value_of(key, index)
  local where, number = index_of(index)
  if where == 'w' or where == 'p' then
    return write_at(number)
  elseif where == 'd' then
    local member = redis.call('ZRANGE', dead_of(key), number, number, 'BYSCORE')[1]
    return member and dead_write(key, member)
  end
end

local answer = { 'keys' }
for first = 2, #ARGV, AT_ONCE do
  local fields = {}
  for i = first, math.min(#ARGV, first + AT_ONCE - 1) do
    fields[#fields + 1] = 'k:' .. ARGV[i]
    fields[#fields + 1] = 'q:' .. ARGV[i]
  end
  local found = redis.call('HMGET', state, unpack(fields))
  for i = 1, #found, 2 do
    local key, is_quarantined = string.sub(fields[i], #'k:' + 1), found[i + 1] and '1' or '0'
    local value = value_of(key, found[i])
    if value and value.key == key and value.kind ~= 'o' then
      answer[#answer + 1] = { is_quarantined, value.sequence, value.kind, value.payload }
    else
      answer[#answer + 1] = { is_quarantined }
    end
  end
end
return answer
